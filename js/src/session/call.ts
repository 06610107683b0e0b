// One click's life: from Start to Stop it holds the devices, the ways to Python and the sound, and gives all of them back.
import type { Problem } from "../errors.ts";
import { asProblem, noWay, PROBLEMS } from "../errors.ts";
import { Devices } from "../media/devices.ts";
import type { Meter } from "../media/sound.ts";
import { Sound } from "../media/sound.ts";
import { every } from "../media/ticker.ts";
import type { Options } from "../model.ts";
import type { PairSeen, Source } from "../negotiation.ts";
import { receiveOnly } from "../negotiation.ts";
import type { Channel } from "../peer/channel.ts";
import { Conversation } from "../peer/conversation.ts";
import type { MediaPeer, PeerEvents, PeerPlan } from "../peer/peer.ts";
import { Peer } from "../peer/peer.ts";
import { RelayPeer } from "../relay/relay_peer.ts";
import type { Asked, IceServer, PageMessage, Welcome } from "../protocol.ts";
import type { Offering } from "../signaling/server.ts";
import type { Store } from "../status.ts";
import { Ladder, RELAY_AFTER_MS } from "./ladder.ts";
import { Measuring } from "./measuring.ts";
import { originMemory } from "./memory.ts";
import { GRACE_MS, LISTEN_MS, Recovery } from "./recovery.ts";
import { Returning } from "./returning.ts";
import { Sources } from "./sources.ts";
import { within } from "./waiting.ts";

const CONNECT_MS = 15_000;

export interface CallContext {
  store: Store;
  signaling: Offering;
  channel: Channel;
  options: Options;
  page: string | null;
  tell(message: PageMessage): void;
  /** The session socket may be dead without knowing it: opens it again; resolves when the engine answered on it. */
  reachAgain(): Promise<void>;
  /** The call is over by a fault, which the session shows. */
  failed(problem: Problem): void;
}

export class Call {
  readonly sources: Sources;
  private readonly sound = new Sound();
  private readonly abort = new AbortController();
  private readonly returning: Returning;
  private readonly ladder: Ladder;
  private readonly recovery: Recovery;
  private readonly measuring: Measuring;
  /** What is said in this call, whatever carries it. */
  private talk = new Conversation();
  private plan: PeerPlan | null = null;
  private meter: Meter | null = null;
  private stopListening: (() => void) | null = null;

  constructor(private readonly context: CallContext) {
    const devices = new Devices({
      lost: (name) => void this.sources.lost(name),
      changed: () => void this.sources.devicesChanged(),
    });
    this.sources = new Sources(context, devices, this.sound, (name, track) => this.use(name, track));
    this.returning = new Returning(context.store, this.sound);
    this.ladder = this.makeLadder();
    this.recovery = new Recovery(context, this.ladder, this.abort.signal, {
      connect: (pcId, deadlineMs) => this.connect(pcId, deadlineMs, 0),
      pcId: () => this.pcId,
      live: () => this.live(),
      failed: (cause) => this.failed(cause),
    });
    this.measuring = new Measuring(context, this.ladder, this.returning, this.abort.signal);
  }

  private get peer(): MediaPeer | null {
    return this.ladder.peer;
  }

  private makeLadder(): Ladder {
    const { channel, signaling, options } = this.context;
    const plan = (): PeerPlan => {
      if (!this.plan) throw new Error("connect before run");
      return this.plan;
    };
    const rungs = {
      direct: options.webrtc === false ? null : (events: PeerEvents) => new Peer(signaling, plan(), events, this.talk),
      relay: signaling.relay ? (events: PeerEvents) => new RelayPeer((withToken) => signaling.relay?.(withToken) ?? null, plan(), events, this.talk) : null,
    };
    return new Ladder(rungs, channel, (source) => this.sources.track(source), originMemory, {
      chosen: (over) => this.chosen(over),
      track: (source, track) => this.returning.arrived(source, track),
      state: (state) => this.peerState(state),
      letGo: () => this.returning.letGo(),
    });
  }

  get heard(): MediaStream | null {
    return this.returning.heard;
  }

  /** What was tried to connect: for a person who asks why it did not. */
  async pairs(): Promise<PairSeen[]> {
    return this.ladder.pairs();
  }

  levelDb(): number | null {
    return this.meter ? this.meter.levelDb() : null;
  }

  /** Opens, connects, and returns when live. Faults go to `failed`; an aborted call says nothing. */
  async run(welcome: () => Promise<Welcome>, testOnly: boolean): Promise<void> {
    const { store, options, page } = this.context;
    const { signal } = this.abort;
    try {
      void this.sound.resume();
      store.set({ state: "asking", error: null, notice: null, wanted: false });
      const { ice_servers: iceServers, limits, relay_at_once: atOnce = false } = await within(welcome(), 5000, PROBLEMS.noWelcome, signal);
      this.plan = { options, page, iceServers, limits };
      if (limits.max_message_bytes) this.context.channel.maxMessageBytes = limits.max_message_bytes;
      const relayed = atOnce || (this.context.signaling.unlikely ?? false);
      this.ladder.foresee(relayed);
      if (!receiveOnly(options)) await this.sources.open(limits, testOnly);
      signal.throwIfAborted();
      store.set({ state: "connecting" });
      await this.connect(null, CONNECT_MS, relayed ? 0 : RELAY_AFTER_MS);
      this.live();
    } catch (cause) {
      if (!signal.aborted) this.failed(cause);
    }
  }

  close(): void {
    this.abort.abort(new DOMException("the call was ended", "AbortError"));
    this.measuring.close();
    this.stopListening?.();
    this.returning.close();
    this.meter?.stop();
    this.meter = null;
    this.sources.close();
    this.ladder.close();
    void this.sound.close();
  }

  /** New credentials, or other servers: for the next connection. The one there is goes on. */
  useIceServers(iceServers: IceServer[]): void {
    if (this.plan) this.plan = { ...this.plan, iceServers };
  }

  /** Python asks for smaller or fewer pictures, or for all of them again. */
  async ask(asked: Asked): Promise<void> {
    await this.peer?.ask?.(asked);
  }

  async listen(on: boolean): Promise<void> {
    await this.returning.listen(on);
  }

  async useSpeaker(id: string | null): Promise<void> {
    await this.returning.useSpeaker(id);
  }

  /** Python asks for another round of offer and answer on the same connection. */
  async renegotiate(): Promise<void> {
    try {
      await this.peer?.offer(this.pcId, false);
    } catch (cause) {
      if (!this.abort.signal.aborted) this.failed(cause);
    }
  }

  /** The way that carries is interrupted; it may come back within `graceMs`. */
  async recover(graceMs: number): Promise<void> {
    await this.recovery.recover(graceMs);
  }

  /** The computer is in another network, perhaps. */
  networkChanged(): void {
    this.ladder.hurry();
  }

  private async connect(pcId: string | null, deadlineMs: number, relayAfterMs: number): Promise<void> {
    const { signaling } = this.context;
    this.returning.reset();
    try {
      await this.ladder.connect(pcId, deadlineMs, relayAfterMs, this.abort.signal);
    } catch (cause) {
      if (!(cause instanceof AggregateError)) throw cause;
      throw noWay(cause.errors[0], await signaling.whyNoRelay?.());
    }
  }

  /** The name of the WebRTC connection that carries, or carried last. */
  private get pcId(): string | null {
    return this.peer instanceof Peer ? this.peer.pcId : null;
  }

  /** Another way carries: what Python returns comes over it. */
  private chosen(over: boolean): void {
    const { store } = this.context;
    if (this.peer instanceof Peer && this.peer.pipe.talk === null) this.tellLost(); // messages are not numbered there
    if (!over) this.returning.reset();
    store.set({ stats: null });
    if (store.now.state === "live") this.sources.tellStatus();
  }

  private live(): void {
    const { store } = this.context;
    store.set({ state: "live", error: null });
    if (store.now.asked) void this.ask(store.now.asked);
    this.sources.tellStatus();
    this.measuring.begin();
    this.stopListening?.();
    this.stopListening = every(LISTEN_MS, () => void this.recovery.doubt());
  }

  private failed(cause: unknown): void {
    this.tellLost();
    this.context.failed(asProblem(cause));
  }

  private tellLost(): void {
    this.context.channel.lost(this.talk.unacknowledged.length);
    this.talk = new Conversation();
  }

  private peerState(state: RTCPeerConnectionState): void {
    const { connected } = this.recovery;
    if (state === "connected") connected.open();
    else if (state === "failed") {
      connected.refuse(new Error("the connection failed"));
      void this.recover(0);
    } else if (state === "disconnected") void this.recover(GRACE_MS);
  }

  private async use(name: Source, track: MediaStreamTrack | null): Promise<void> {
    if (name === "audio") {
      this.meter?.stop();
      this.meter = track ? this.sound.meter(track) : null;
    }
    await this.ladder.replace(name, track);
  }
}
