// What a message of the engine changes in the snapshot: pure, one place, no side effects.
import type { EngineMessage } from "../protocol.ts";
import type { Snapshot } from "../status.ts";
import { withLine, withTrouble } from "../status.ts";

export function changeFor(now: Snapshot, message: EngineMessage): Partial<Snapshot> {
  switch (message.type) {
    case "processors":
      return {
        processors: { video: message.video, audio: message.audio },
        // browsers do not mute a track that merely falls silent: a removed callback ends its picture
        returnedVideo: now.returnedVideo && (message.video !== null || now.processors.video === null),
      };
    case "problem":
      return { troubles: withTrouble(now.troubles, message) };
    case "owner":
      return { owner: message.who };
    case "values":
      return { values: message.values };
    case "log":
      return withLine(now, message.text);
    case "ask":
      return { asked: { scale: message.scale, max_frame_rate: message.max_frame_rate } };
    case "stats":
      return { engineStats: message };
    case "welcome":
    case "diagnose":
    case "ice-servers":
    case "command":
    case "engine":
      return {}; // the session acts on these
  }
}
