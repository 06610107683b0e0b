// The ways to Python, best first: WebRTC (direct or through TURN), and a relay through the Jupyter server where that finds no path.
// WebRTC is always tried. The relay begins when it has not connected after a moment, or at once where it is known to find nothing; what
// is up first carries. WebRTC that comes through later takes over; where it does not, it is tried again with rising pauses, beside the
// relay and without a word to the person. Messages are those of one conversation, whatever carries them.
import { asError, PROBLEMS } from "../errors.ts";
import type { PairSeen, Source } from "../negotiation.ts";
import { backoffMs } from "../negotiation.ts";
import type { Channel } from "../peer/channel.ts";
import type { MediaPeer, PeerEvents } from "../peer/peer.ts";
import { RequestRefused } from "../signaling/server.ts";
import type { Rung } from "./attempt.ts";
import { Attempt } from "./attempt.ts";
import type { Memory } from "./memory.ts";
import { Gate, sleep, within } from "./waiting.ts";

export const RELAY_AFTER_MS = 1500;
/** So long one try of WebRTC's goes on while a relay carries. */
const TRY_MS = 15_000;
/** The data channel opens a moment after the media: so long WebRTC waits for it before it takes over. */
const CHANNEL_MS = 1000;
/** After another way has taken over: Python moves over, too, and until then is heard here. */
const LET_GO_MS = 1500;
/** Between two tries, while a relay carries: where WebRTC carried before, and where it never did. */
const PAUSES = { lost: { firstMs: 2000, mostMs: 60_000 }, never: { firstMs: 30_000, mostMs: 300_000 } };

/** The two kinds of peers a page can make; `relay` is null where there is no server to relay, `direct` where nobody wants WebRTC. */
export interface Rungs {
  direct: ((events: PeerEvents) => MediaPeer) | null;
  relay: ((events: PeerEvents) => MediaPeer) | null;
}

export interface LadderEvents {
  /** This way carries from now on; `tracks` are Python's, and more may follow by `track`. `over`: it took over from another. */
  chosen(over: boolean): void;
  track(source: Source, track: MediaStreamTrack): void;
  state(state: RTCPeerConnectionState): void;
  /** What carried before was let go. */
  letGo(): void;
}

export class Ladder {
  private current: Attempt | null = null;
  private readonly others = new Set<Attempt>();
  private over = new AbortController();
  private prepared: Attempt | null = null;
  private tried: PairSeen[] = [];
  /** WebRTC has carried in this call. */
  private worked = false;
  private hurried = new Gate<void>();

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

  /** Where WebRTC finds nothing, by the place or the last time, the way to a relay is opened while devices are still asked for. */
  foresee(relayAtOnce: boolean): void {
    if (relayAtOnce || this.memory.knownBlocked()) this.prepare();
  }

  /** WebRTC is doubted: the way to a relay is opened, for the case that it does not come back. Python is not told of it yet. */
  prepare(): void {
    const { relay } = this.rungs;
    if (!relay || this.prepared || this.current?.kind === "relay") return;
    const attempt = (this.prepared = this.begin(relay, "relay"));
    this.open(attempt).catch((cause: unknown) => {
      console.info("smallrtc-lab: no relay either", cause); // the connection that is made next tries again, and tells why
      if (this.prepared === attempt) this.drop(attempt);
    });
  }

  /** WebRTC is back: the relay that was prepared is not needed. */
  resume(): void {
    if (this.prepared) this.drop(this.prepared);
  }

  /** The network has changed: WebRTC is tried now, if a relay carries. */
  hurry(): void {
    this.hurried.open();
  }

  /**
   * Resolves when one way carries; rejects with WebRTC's fault when none does in time, or with an `AggregateError` of WebRTC's and the
   * relay's. `relayAfterMs` is how long WebRTC has alone.
   */
  async connect(pcId: string | null, deadlineMs: number, relayAfterMs: number, signal: AbortSignal): Promise<void> {
    const prepared = this.keepPrepared();
    this.over = new AbortController();
    const direct = this.beginDirect();
    const done = direct ? this.run(direct, pcId) : Promise.reject<Attempt>(asError(this.rungs.direct ? PROBLEMS.noWebRTC : PROBLEMS.notTried));
    const begunMs = performance.now();
    const relayed = prepared ? this.opened(prepared, done) : this.relayed(done, this.memory.knownBlocked() ? 0 : relayAfterMs);
    const first = Promise.race([refusal(done), Promise.any([done, relayed])]);
    let fault: unknown = null;
    relayed.catch((cause: unknown) => (fault = cause));
    let winner: Attempt;
    try {
      winner = await within(first, deadlineMs, PROBLEMS.timeout, signal);
    } catch (cause) {
      this.close();
      if (cause instanceof AggregateError && !this.rungs.relay) throw cause.errors[0];
      const both = this.rungs.relay && fault !== null && !signal.aborted && !(cause instanceof RequestRefused || cause instanceof AggregateError);
      throw both ? new AggregateError([cause, fault]) : cause;
    }
    this.choose(winner, false);
    if (winner === direct) this.settledOn(direct);
    else if (direct) void this.climb(direct, done, TRY_MS - (performance.now() - begunMs));
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

  /** Closes everything but a relay that was prepared. */
  private keepPrepared(): Attempt | null {
    const { prepared } = this;
    if (prepared) this.others.delete(prepared);
    this.close();
    if (prepared) this.others.add(prepared);
    return prepared;
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

  private begin(make: (events: PeerEvents) => MediaPeer, kind: Rung): Attempt {
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

  private async open(attempt: Attempt): Promise<void> {
    for (const source of ["audio", "camera", "screen"] as const) await attempt.peer.replace(source, this.track(source));
    await attempt.peer.prepare?.();
  }

  private async run(attempt: Attempt, pcId: string | null): Promise<Attempt> {
    await this.open(attempt);
    await Promise.all([attempt.peer.offer(pcId, pcId !== null), attempt.up.passed]);
    return attempt;
  }

  /** The relay whose way is open already; another one where that was lost meanwhile. */
  private async opened(prepared: Attempt, direct: Promise<Attempt>): Promise<Attempt> {
    try {
      return await this.run(prepared, null);
    } catch (cause) {
      console.info("smallrtc-lab: the relay that was prepared is gone", cause);
      this.drop(prepared);
      return this.relayed(direct, 0);
    }
  }

  /** The relay, begun when WebRTC has failed or had its time. */
  private async relayed(direct: Promise<Attempt>, afterMs: number): Promise<Attempt> {
    const { relay } = this.rungs;
    const { signal } = this.over;
    if (!relay) throw asError(PROBLEMS.noRelay);
    const failed = direct.then(
      () => new Promise<never>(() => undefined),
      () => undefined,
    );
    if (afterMs > 0) await Promise.race([failed, sleep(afterMs, signal)]);
    signal.throwIfAborted();
    return this.run(this.begin(relay, "relay"), null);
  }

  private choose(attempt: Attempt, over: boolean): void {
    this.others.delete(attempt);
    if (attempt === this.prepared) this.prepared = null;
    this.current = attempt;
    attempt.attachTo(this.channel);
    this.channel.expectOpen();
    this.events.chosen(over);
    for (const [source, track] of attempt.tracks) this.events.track(source, track);
  }

  /** WebRTC carries: nothing else is tried any more. */
  private settledOn(direct: Attempt): void {
    this.worked = true;
    this.memory.remember(false);
    this.over.abort(new DOMException("a better way carries", "AbortError"));
    for (const other of this.others) if (other !== direct) this.drop(other);
  }

  /** WebRTC goes on trying while a relay carries, again and again. */
  private async climb(direct: Attempt, done: Promise<Attempt>, forMs: number): Promise<void> {
    const { signal } = this.over;
    for (let failures = 0; ; failures++) {
      if (await this.through(direct, done, forMs, signal)) return;
      await this.pause(failures, signal);
      const again = signal.aborted ? null : this.beginDirect();
      if (!again) return;
      [direct, done, forMs] = [again, this.run(again, null), TRY_MS];
    }
  }

  /** Whether this try is over for good: WebRTC carries, or nothing is tried any more. */
  private async through(direct: Attempt, done: Promise<Attempt>, forMs: number, signal: AbortSignal): Promise<boolean> {
    try {
      await within(done, Math.max(0, forMs), PROBLEMS.timeout, signal);
      await direct.opened(CHANNEL_MS, signal);
      await this.takeOver(direct, signal);
      return true;
    } catch (cause) {
      if (signal.aborted) return true;
      console.info("smallrtc-lab: WebRTC finds no path; media goes through Jupyter", cause);
      this.memory.remember(true);
      this.tried = (await direct.peer.pairs?.().catch(() => [])) ?? [];
      this.drop(direct);
      return false;
    }
  }

  private async pause(failures: number, signal: AbortSignal): Promise<void> {
    const { firstMs, mostMs } = this.worked ? PAUSES.lost : PAUSES.never;
    this.hurried = new Gate<void>();
    await Promise.race([sleep(backoffMs(failures, firstMs, mostMs), signal), this.hurried.passed]).catch(() => undefined); // closed meanwhile
  }

  private async takeOver(direct: Attempt, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const before = this.current;
    this.channel.release();
    this.choose(direct, true);
    this.worked = true;
    this.memory.remember(false);
    if (!before) return;
    this.others.add(before);
    await sleep(LET_GO_MS, signal);
    this.events.letGo();
    this.drop(before);
  }

  private drop(attempt: Attempt): void {
    if (attempt === this.prepared) this.prepared = null;
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
