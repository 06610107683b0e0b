// A visit to a served bot, on a page of its own: no kernel, no session socket, only the SmallWebRTC protocol.
import type { Problem } from "../errors.ts";
import { onVisit } from "../errors.ts";
import type { Options } from "../model.ts";
import type { Welcome } from "../protocol.ts";
import { VERSION } from "../protocol.ts";
import { Entrance } from "../signaling/entrance.ts";
import type { Place } from "../signaling/server.ts";
import { ended } from "../status.ts";
import { Call } from "./call.ts";
import { Caller } from "./caller.ts";
import { watchPage } from "./page_watch.ts";

/** Sound as in a conversation: a bot that talks must not hear itself. A visitor without a camera sends a test signal. */
const OPTIONS: Options = {
  audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true },
  video: { width: 640, height: 480, frameRate: 30 },
  screen: true,
  fallback: "test-signal",
};

export class Visit extends Caller {
  private readonly entrance: Entrance;
  private readonly undo: () => void;

  /** `session` is the served bot's name; null: the one that is served longest. */
  constructor(place: Place, session: string | null) {
    super(OPTIONS, "the bot", { link: "open", relay: "the server" });
    this.entrance = new Entrance(place, session);
    const nothing = () => undefined;
    this.undo = watchPage({ left: () => this.leave(), visible: nothing, broughtBack: nothing, online: nothing });
  }

  startByClick(): void {
    if (this.call) return;
    this.call = new Call({
      store: this.store,
      signaling: this.entrance,
      channel: this.channel,
      options: this.options,
      page: null,
      tell: () => undefined, // statistics and settings are for engines
      reachAgain: () => this.entrance.reach(),
      failed: (problem) => this.fail(problem),
    });
    void this.call.run(() => this.enter(), false);
  }

  takeOver(): void {
    this.startByClick();
  }

  get returnsSound(): boolean {
    return (this.store.now.returned?.getAudioTracks().length ?? 0) > 0;
  }

  control(): void {
    // a bot has no sliders
  }

  viewAdded(): void {
    // the visit belongs to the page, not to a view
  }

  viewRemoved(): void {
    this.leave();
  }

  dispose(): void {
    this.leave();
    this.undo();
  }

  protected fail(problem: Problem): void {
    this.endCall();
    this.store.set({ ...ended(), state: "failed", error: onVisit(problem) });
  }

  protected peerLeft(): void {
    this.stop("The bot ended the conversation.");
  }

  private leave(): void {
    if (this.call) this.stop();
  }

  private async enter(): Promise<Welcome> {
    const iceServers = await this.entrance.start();
    return { type: "welcome", version: VERSION, ice_servers: iceServers, limits: {}, started: false };
  }
}
