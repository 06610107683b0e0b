// What is done when the way that carries is lost: it is waited for a little, another one is opened beside it, or all of them anew.
import { asError, PROBLEMS } from "../errors.ts";
import { backoffMs } from "../negotiation.ts";
import { RequestRefused } from "../signaling/server.ts";
import type { CallContext } from "./call.ts";
import type { Ladder } from "./ladder.ts";
import { Gate, sleep, within } from "./waiting.ts";

/** `disconnected` is often over by itself (W3C webrtc-pc, 5.6.4); wait that long before a new connection is made. */
export const GRACE_MS = 3000;
/** The same where a relay is at hand, which is open by then. */
const STAND_IN_MS = 1000;
/** One try to get back. Shorter than the first: the path is known to work, and a try into a dead network ends another one's wait. */
const AGAIN_MS = 6000;
/** So long without a byte of Python's, which acknowledges a ping a second: the relay is opened … */
const DOUBT_MS = 1300;
/** … and carries. A browser itself doubts a path after five seconds and more. */
const SILENT_MS = 2200;
export const LISTEN_MS = 300;
const GIVE_UP_MS = 30_000;
/** So long a socket that was doubted may take to open again. */
const DOUBT_SERVER_MS = 3000;

export interface Recovered {
  /** Connects anew, within a time. */
  connect(pcId: string | null, deadlineMs: number): Promise<void>;
  /** The name of the WebRTC connection that carries, or carried last. */
  pcId(): string | null;
  live(): void;
  failed(cause: unknown): void;
}

export class Recovery {
  /** Opens when the connection is up again by itself. */
  connected = new Gate<void>();
  private running = false;

  constructor(
    private readonly context: CallContext,
    private readonly ladder: Ladder,
    private readonly signal: AbortSignal,
    private readonly call: Recovered,
  ) {}

  /** Makes a new connection after an interruption, unless the old one comes back within `graceMs`. */
  async recover(graceMs: number): Promise<void> {
    const { store, signaling } = this.context;
    if (this.running || store.now.state !== "live") return;
    this.running = true;
    try {
      store.set({ state: "reconnecting", stats: null });
      this.connected = new Gate<void>();
      if (graceMs > 0) this.ladder.prepare();
      if (await this.comesBack(signaling.relay ? Math.min(graceMs, STAND_IN_MS) : graceMs)) this.ladder.resume();
      else await this.connectAgain();
      this.call.live();
    } catch (cause) {
      if (!this.signal.aborted) this.call.failed(cause);
    } finally {
      this.running = false;
    }
  }

  /** A path that was cut says nothing: where a relay is at hand, silence is enough to go there. */
  async doubt(): Promise<void> {
    const { store, signaling } = this.context;
    const silentMs = (await this.ladder.peer?.silentMs?.()) ?? 0;
    if (this.signal.aborted || !signaling.relay) return;
    if (store.now.state === "reconnecting" && silentMs === 0) this.connected.open(); // it was a hiccup
    if (store.now.state !== "live") return;
    if (silentMs > SILENT_MS) void this.recover(0);
    else if (silentMs > DOUBT_MS) this.ladder.prepare();
    else if (silentMs === 0) this.ladder.resume();
  }

  private async comesBack(graceMs: number): Promise<boolean> {
    if (graceMs === 0 || this.context.store.now.link === "lost") return false;
    const back = this.connected.passed.then(() => true);
    return Promise.race([back, sleep(graceMs, this.signal).then(() => false)]).catch((cause: unknown) => {
      this.signal.throwIfAborted();
      console.info("smallrtc-lab: making a new connection", cause);
      return false;
    });
  }

  private async connectAgain(): Promise<void> {
    const { signal } = this;
    const giveUpMs = performance.now() + GIVE_UP_MS;
    let pcId = this.call.pcId();
    for (let attempt = 0; performance.now() < giveUpMs; attempt++) {
      if (attempt > 0) await sleep(backoffMs(attempt - 1, 500, 4000), signal);
      try {
        await this.call.connect(pcId, AGAIN_MS);
        return;
      } catch (cause) {
        signal.throwIfAborted();
        console.warn("smallrtc-lab: reconnecting failed", cause);
        if (cause instanceof RequestRefused && cause.final) {
          // a connection the engine no longer knows: the next try is a new one; anything else will not get better
          if (pcId === null || cause.status !== 400) throw cause;
          pcId = null;
        } else if (!(cause instanceof RequestRefused)) await this.checkServer();
      }
    }
    throw asError(PROBLEMS.lost);
  }

  /** Raises when the server is away: devices close then, and open again with the server's return. */
  private async checkServer(): Promise<void> {
    const { store, reachAgain } = this.context;
    if (store.now.link === "lost") throw asError(PROBLEMS.unreachable);
    await within(reachAgain(), DOUBT_SERVER_MS, PROBLEMS.unreachable, this.signal);
  }
}

