// One way to Python that is tried, or carries: its peer, and what came over it before it was chosen.
import { asError, PROBLEMS } from "../errors.ts";
import type { Source } from "../negotiation.ts";
import type { Channel } from "../peer/channel.ts";
import type { MediaPeer, PeerEvents } from "../peer/peer.ts";
import { Gate, within } from "./waiting.ts";

const EARLY = 500;

export type Rung = "direct" | "relay";

export class Attempt {
  readonly up = new Gate<void>();
  readonly peer: MediaPeer;
  readonly tracks: [Source, MediaStreamTrack][] = [];
  private readonly open = new Gate<void>();
  private readonly early: MessageEvent[] = [];

  constructor(
    make: (events: PeerEvents) => MediaPeer,
    readonly kind: Rung,
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
    this.peer.pipe.onopen = () => this.open.open();
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

  /** Waits until messages can go over it, `ms` at most. */
  async opened(ms: number, signal: AbortSignal): Promise<void> {
    if (this.peer.pipe.readyState === "open") return;
    await within(this.open.passed, ms, PROBLEMS.timeout, signal).catch(() => signal.throwIfAborted());
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
