// The ways to Python, best first: WebRTC (direct or through TURN), and a relay through the Jupyter server where that finds no path.
// WebRTC is always tried. The relay begins when it has not connected after a moment, or at once where it is known to find nothing; what
// is up first carries. WebRTC that comes through later takes over, with messages once and in order.
import { asError, PROBLEMS } from "../errors.ts";
import type { PairSeen, Source } from "../negotiation.ts";
import type { Channel } from "../peer/channel.ts";
import type { MediaPeer, PeerEvents } from "../peer/peer.ts";
import { RequestRefused } from "../signaling/server.ts";
import { Gate, sleep, within } from "./waiting.ts";

export const RELAY_AFTER_MS = 1500;
/** So long WebRTC goes on trying while a relay carries. */
const TRY_MS = 15_000;
const SETTLE_MS = 1000;
/** After another way has taken over: Python moves over, too, and until then reads here. */
const LET_GO_MS = 1500;
const EARLY = 500;
/** A network may change while a relay carries: WebRTC is tried again so often. */
const TRY_AGAIN_MS = 120_000;

/** The two kinds of peers a page can make; `relay` is null where there is no server to relay, `direct` where nobody wants WebRTC. */
export interface Rungs {
  direct: ((events: PeerEvents) => MediaPeer) | null;
  relay: ((events: PeerEvents) => MediaPeer) | null;
}

export interface LadderEvents {
  /** This way carries from now on; `tracks` are Python's, and more may follow by `track`. */
  chosen(): void;
  track(source: Source, track: MediaStreamTrack): void;
  state(state: RTCPeerConnectionState): void;
}

/** Whether WebRTC found no path the last time, for this origin. */
export interface Memory {
  knownBlocked(): boolean;
  remember(blocked: boolean): void;
}

class Attempt {
  readonly up = new Gate<void>();
  readonly peer: MediaPeer;
  readonly tracks: [Source, MediaStreamTrack][] = [];
  private readonly early: MessageEvent[] = [];

  constructor(
    make: (events: PeerEvents) => MediaPeer,
    readonly kind: "direct" | "relay",
    private readonly told: (attempt: Attempt, state: RTCPeerConnectionState) => void,
    came: (attempt: Attempt, source: Source, track: MediaStreamTrack) => void,
  ) {
    this.peer = make({
      track: (source, track) => {
        this.tracks.push([source, track]);
        came(this, source, track);
      },
      state: (state) => this.changed(state),
    });
    // what comes before this way is chosen waits for it
    this.peer.pipe.onmessage = (event) => void (this.early.length < EARLY && this.early.push(event));
  }

  attachTo(channel: Channel): void {
    channel.attach(this.peer.pipe);
    this.tellEarly();
  }

  /** What was said here is heard, though another way carries. */
  heardBy(channel: Channel): void {
    channel.hear(this.peer.pipe);
    this.tellEarly();
  }

  private tellEarly(): void {
    for (const event of this.early.splice(0)) this.peer.pipe.onmessage?.(event);
  }

  private changed(state: RTCPeerConnectionState): void {
    if (state === "connected") this.up.open();
    else if (state === "failed") this.up.refuse(asError(PROBLEMS.timeout));
    this.told(this, state);
  }
}

export class Ladder {
  private current: Attempt | null = null;
  private readonly others = new Set<Attempt>();
  private over = new AbortController();
  private prepared: { attempt: Attempt; up: Promise<Attempt> } | null = null;
  private tried: PairSeen[] = [];

  constructor(
    private readonly rungs: Rungs,
    private readonly channel: Channel,
    private readonly track: (source: Source) => MediaStreamTrack | null,
    private readonly memory: Memory,
    private readonly events: LadderEvents,
  ) {}

  get peer(): MediaPeer | null {
    return this.current?.peer ?? null;
  }

  /** What WebRTC has tried: now, or when it last found no path. */
  async pairs(): Promise<PairSeen[]> {
    const attempts = [...(this.current ? [this.current] : []), ...this.others];
    const direct = attempts.find(({ kind }) => kind === "direct");
    return (await direct?.peer.pairs?.()) ?? this.tried;
  }

  /** Sends another track of a source, over what carries and what may take over. */
  async replace(source: Source, track: MediaStreamTrack | null): Promise<void> {
    const attempts = [...(this.current ? [this.current] : []), ...this.others];
    await Promise.all(attempts.map(({ peer }) => peer.replace(source, track)));
  }

  /** WebRTC is interrupted: a relay is opened, for the case that it does not come back. Whether there is one. */
  prepare(): boolean {
    const { relay } = this.rungs;
    if (!relay || this.current?.kind !== "direct") return false;
    const attempt = this.begin(relay, "relay");
    const up = this.run(attempt, null);
    up.catch((cause: unknown) => console.info("smallrtc-lab: no relay either", cause)); // the connection that is made anew tells why
    this.prepared = { attempt, up };
    return true;
  }

  /** It is back: the relay that was prepared is not needed. */
  resume(): void {
    const { prepared } = this;
    this.prepared = null;
    if (!prepared) return;
    prepared.attempt.heardBy(this.channel);
    this.drop(prepared.attempt);
  }

  /** Resolves when one way carries; rejects with WebRTC's fault when none does in time. `relayAfterMs` is how long WebRTC has alone. */
  async connect(pcId: string | null, deadlineMs: number, relayAfterMs: number, signal: AbortSignal): Promise<void> {
    const { prepared } = this;
    this.prepared = null;
    if (prepared) this.others.delete(prepared.attempt); // it outlives what is closed here
    this.close();
    if (prepared) this.others.add(prepared.attempt);
    this.over = new AbortController();
    const direct = this.beginDirect();
    const done = direct ? this.run(direct, pcId) : Promise.reject(asError(PROBLEMS.timeout));
    const begunMs = performance.now();
    const relayed = prepared?.up ?? this.relayed(done, this.memory.knownBlocked() ? 0 : relayAfterMs);
    const first = Promise.race([refusal(done), Promise.any([done, relayed])]);
    let winner: Attempt;
    try {
      winner = await within(first, deadlineMs, PROBLEMS.timeout, signal);
    } catch (cause) {
      this.close();
      throw cause instanceof AggregateError ? cause.errors[0] : cause;
    }
    this.choose(winner);
    if (winner === direct) this.settledOn(direct);
    else if (direct) void this.awaitBetter(direct, done, TRY_MS - (performance.now() - begunMs));
  }

  close(): void {
    this.over.abort(new DOMException("the ways are closed", "AbortError"));
    this.prepared = null;
    this.channel.detach();
    this.current?.peer.close();
    this.current = null;
    for (const { peer } of this.others) peer.close();
    this.others.clear();
  }

  /** Null in a browser whose owner has switched WebRTC off, and for a lab that has. */
  private beginDirect(): Attempt | null {
    const { direct } = this.rungs;
    if (!direct) return null;
    try {
      return this.begin(direct, "direct");
    } catch (cause) {
      console.info("smallrtc-lab: this browser has no WebRTC", cause);
      return null;
    }
  }

  private begin(make: (events: PeerEvents) => MediaPeer, kind: "direct" | "relay"): Attempt {
    const attempt = new Attempt(
      make,
      kind,
      (one, state) => {
        if (one === this.current) this.events.state(state);
      },
      (one, source, track) => {
        if (one === this.current) this.events.track(source, track);
      },
    );
    this.others.add(attempt);
    return attempt;
  }

  private async run(attempt: Attempt, pcId: string | null): Promise<Attempt> {
    for (const source of ["audio", "camera", "screen"] as const) await attempt.peer.replace(source, this.track(source));
    await Promise.all([attempt.peer.offer(pcId, pcId !== null), attempt.up.passed]);
    return attempt;
  }

  /** The relay, begun when WebRTC has failed or had its time. */
  private async relayed(direct: Promise<Attempt>, afterMs: number): Promise<Attempt> {
    const { relay } = this.rungs;
    const { signal } = this.over;
    if (!relay) throw asError(PROBLEMS.timeout);
    const failed = direct.then(
      () => new Promise<never>(() => undefined),
      () => undefined,
    );
    if (afterMs > 0) await Promise.race([failed, sleep(afterMs, signal)]);
    signal.throwIfAborted();
    return this.run(this.begin(relay, "relay"), null);
  }

  private choose(attempt: Attempt): void {
    this.others.delete(attempt);
    this.current = attempt;
    attempt.attachTo(this.channel);
    this.channel.expectOpen();
    this.events.chosen();
    for (const [source, track] of attempt.tracks) this.events.track(source, track);
  }

  /** WebRTC carries: nothing else is tried any more. */
  private settledOn(direct: Attempt): void {
    this.memory.remember(false);
    this.over.abort(new DOMException("a better way carries", "AbortError"));
    for (const other of this.others) if (other !== direct) this.drop(other);
  }

  private async awaitBetter(direct: Attempt, done: Promise<Attempt>, forMs: number): Promise<void> {
    const { signal } = this.over;
    try {
      await within(done, Math.max(0, forMs), PROBLEMS.timeout, signal);
      await this.takeOver(direct, signal);
    } catch (cause) {
      if (signal.aborted) return;
      console.info("smallrtc-lab: WebRTC finds no path; media goes through Jupyter", cause);
      this.memory.remember(true);
      this.tried = (await direct.peer.pairs?.().catch(() => [])) ?? [];
      this.drop(direct);
      await this.tryAgain(signal);
    }
  }

  private async tryAgain(signal: AbortSignal): Promise<void> {
    await sleep(TRY_AGAIN_MS, signal).catch(() => undefined); // closed meanwhile
    const direct = signal.aborted ? null : this.beginDirect();
    if (direct) await this.awaitBetter(direct, this.run(direct, null), TRY_MS);
  }

  private async takeOver(direct: Attempt, signal: AbortSignal): Promise<void> {
    const before = this.current;
    this.channel.release();
    await before?.peer.settled?.(SETTLE_MS);
    signal.throwIfAborted();
    this.choose(direct);
    this.memory.remember(false);
    if (!before) return;
    this.others.add(before);
    await sleep(LET_GO_MS, signal);
    this.drop(before);
  }

  private drop(attempt: Attempt): void {
    attempt.peer.close();
    this.others.delete(attempt);
  }
}

/** A refusal of the server's is no matter of paths: it ends all ways. */
function refusal(done: Promise<unknown>): Promise<never> {
  return new Promise((_, reject) => {
    done.catch((cause: unknown) => {
      if (cause instanceof RequestRefused && cause.final) reject(cause);
    });
  });
}

const KEY = "smallrtc-lab:webrtc-blocked";
const REMEMBERED_MS = 24 * 3600 * 1000;

/** What this origin's pages found last; forgotten after a day, for networks change. */
export const originMemory: Memory = {
  knownBlocked(): boolean {
    try {
      return Date.now() - Number(localStorage.getItem(KEY) ?? 0) < REMEMBERED_MS;
    } catch {
      return false; // a page that may store nothing
    }
  },
  remember(blocked: boolean): void {
    try {
      if (blocked) localStorage.setItem(KEY, String(Date.now()));
      else localStorage.removeItem(KEY);
    } catch (cause) {
      console.info("smallrtc-lab: this page may remember nothing", cause);
    }
  },
};
