// What happened between two snapshots, in sentences for the event log.
import type { Problem } from "../errors.ts";
import type { Route } from "../protocol.ts";
import type { Snapshot, SourceState } from "../status.ts";

export interface Moment {
  tone: "note" | "good" | "bad";
  text: string;
}

const note = (text: string): Moment => ({ tone: "note", text });

function stateMoment(now: Snapshot, before: Snapshot): Moment | null {
  switch (now.state) {
    case "asking":
      return note("Start: asking for devices");
    case "connecting":
      return note("Connecting");
    case "live":
      return { tone: "good", text: before.state === "reconnecting" ? "Connected again" : "Connected: live" };
    case "reconnecting":
      return { tone: "bad", text: "The connection was interrupted; connecting again" };
    case "failed":
      return null; // the error says it
    case "idle":
      return before.state === "failed" ? null : note("Ended: camera and microphone are off");
  }
}

const ON: Record<"camera" | "audio" | "screen", string> = { camera: "Camera on", audio: "Microphone on", screen: "Screen shared" };
const OFF: Record<"camera" | "audio" | "screen", string> = {
  camera: "Camera off",
  audio: "Microphone muted",
  screen: "Screen no longer shared",
};
const WORD = { camera: "camera", audio: "microphone", screen: "screen" } as const;

function sourceMoment(name: "camera" | "audio" | "screen", now: SourceState, before: SourceState): Moment | null {
  const settled = (state: SourceState) => (state === "opening" ? null : state);
  if (now === before || settled(now) === null) return null;
  if (now === "on") return note(ON[name]);
  if (now === "test") return note(`A test signal in the place of the ${WORD[name]}`);
  const wasOn = before === "on" || before === "test" || (name !== "screen" && now === "muted");
  return wasOn ? note(OFF[name]) : null;
}

function sentence({ message, next_step: nextStep }: Problem): Moment {
  return { tone: "bad", text: [message, nextStep].filter(Boolean).join(" ") };
}

const ROUTES: Record<Route, (now: Snapshot) => string> = {
  direct: () => "Media goes directly",
  turn: () => "Media goes through a TURN server",
  relay: ({ relay }) => `Media goes through ${relay}: the network lets no WebRTC through`,
};

function returnedMoments(now: Snapshot, before: Snapshot): (Moment | null)[] {
  const running = now.state === "live"; // what a connection takes along when it goes is no news
  return [
    now.returnedVideo && !before.returnedVideo ? note("A picture comes back") : null,
    !now.returnedVideo && before.returnedVideo && running ? note("No picture comes back any more") : null,
    now.listening === "on" && before.listening !== "on" ? note("Listening") : null,
    now.listening === "off" && before.listening === "on" && running ? note("No longer listening") : null,
    now.stats?.route && now.stats.route !== before.stats?.route ? note(ROUTES[now.stats.route](now)) : null,
  ];
}

/** In the order in which a person would tell them. */
export function momentsBetween(now: Snapshot, before: Snapshot): Moment[] {
  const running = now.state !== "idle" && now.state !== "failed";
  const sources = (["audio", "camera", "screen"] as const).map((name) => (running ? sourceMoment(name, now[name], before[name]) : null));
  const troubles = now.troubles.filter((one) => !before.troubles.includes(one));
  const all = [
    now.state !== before.state ? stateMoment(now, before) : null,
    ...sources,
    ...returnedMoments(now, before),
    now.notice && now.notice !== before.notice ? note(now.notice) : null,
    now.error && now.error !== before.error ? sentence(now.error) : null,
    ...troubles.map(sentence),
  ];
  return all.filter((one) => one !== null);
}
