// Whoever makes calls for a view: the snapshot, the channel, at most one call, and what a person does with them.
import type { Problem } from "../errors.ts";
import type { Options } from "../model.ts";
import { Channel } from "../peer/channel.ts";
import type { ControlValue, Signalling } from "../protocol.ts";
import type { Snapshot } from "../status.ts";
import { ended, FIRST, Store, withTrouble } from "../status.ts";
import type { Call } from "./call.ts";
import { PageLab } from "./page_lab.ts";

/** What Start opens, in words; null for options that only receive. */
function opens({ audio, video }: Options): string | null {
  if (audio && video) return "camera and microphone";
  if (audio || video) return audio ? "microphone" : "camera";
  return null;
}

export abstract class Caller {
  readonly store: Store;
  readonly lab: PageLab;
  protected readonly channel: Channel;
  protected call: Call | null = null;

  /** `other` is who is at the other end, in words. */
  constructor(
    readonly options: Options,
    readonly other: string,
    first: Partial<Snapshot>,
  ) {
    this.store = new Store({ ...FIRST, opens: opens(options), ...first });
    this.channel = new Channel({
      message: (message) => this.lab.deliver(message),
      signalling: (message) => this.signalled(message),
      dropped: (count, why) => this.messagesDropped(count, why),
      closed: () => void this.call?.recover(1000),
    });
    this.lab = new PageLab({
      send: (message) => this.channel.send(message),
      state: () => this.store.now.state,
      returned: () => this.store.now.returned,
      heard: () => this.call?.heard ?? null,
    });
  }

  /** The one gesture that opens devices. */
  abstract startByClick(): void;
  /** The same gesture on a page whose lab is live in another tab. */
  abstract takeOver(): void;
  /** Whether sound may come back, so that *Listen* makes sense. */
  abstract get returnsSound(): boolean;
  /** A slider moved. */
  abstract control(callback: string, name: string, value: ControlValue): void;
  abstract viewAdded(): void;
  abstract viewRemoved(): void;

  stop(notice: string | null = null): void {
    this.endCall();
    this.store.set({ ...ended(), state: "idle", error: null, wanted: false, notice });
  }

  toggle(name: "audio" | "camera"): void {
    void this.call?.sources.toggle(name);
  }

  toggleScreen(): void {
    void this.call?.sources.toggleScreen();
  }

  listen(on: boolean): void {
    void this.call?.listen(on);
  }

  choose(kind: "camera" | "microphone" | "speaker", id: string | null): void {
    const { store } = this;
    if (!this.call) store.set({ chosen: { ...store.now.chosen, [kind]: id } });
    else if (kind === "speaker") void this.call.useSpeaker(id);
    else void this.call.sources.choose(kind === "camera" ? "camera" : "audio", id);
  }

  /** In the place of a test signal, the real devices. */
  useDevices(): void {
    void this.call?.sources.useDevices();
  }

  dismiss(code: string): void {
    this.store.set({ troubles: this.store.now.troubles.filter((one) => one.code !== code) });
  }

  dismissError(): void {
    if (this.store.now.state === "failed") this.store.set({ state: "idle" });
    this.store.set({ error: null });
  }

  dismissNotice(): void {
    this.store.set({ notice: null });
  }

  levelDb(): number | null {
    return this.call?.levelDb() ?? null;
  }

  /** The call is over by a fault. */
  protected abstract fail(problem: Problem): void;
  /** Python's side said it is about to leave. */
  protected abstract peerLeft(): void;

  protected endCall(): void {
    this.call?.close();
    this.call = null;
  }

  private signalled(message: Signalling): void {
    if (message.type === "renegotiate") void this.call?.renegotiate();
    if (message.type === "peerLeft") this.peerLeft();
  }

  private messagesDropped(count: number, why: string): void {
    const message = `${count} message${count === 1 ? ` to ${this.other} was` : `s to ${this.other} were`} dropped: ${why}.`;
    const trouble = { type: "problem", code: "page-messages-dropped", message, next_step: null, detail: null, count: 1 } as const;
    this.store.set({ troubles: withTrouble(this.store.now.troubles, trouble) });
  }
}
