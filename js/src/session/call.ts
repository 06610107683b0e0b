// One click's life: from Start to Stop it holds the devices, the peer and the sound, and gives all of them back.
import type { Problem } from "../errors.ts";
import { asError, asProblem, PROBLEMS } from "../errors.ts";
import { Devices } from "../media/devices.ts";
import type { Meter } from "../media/sound.ts";
import { Playback, Sound } from "../media/sound.ts";
import { Echo } from "../media/echo.ts";
import { every } from "../media/ticker.ts";
import type { Options } from "../model.ts";
import type { PairSeen, Source } from "../negotiation.ts";
import { backoffMs, receiveOnly } from "../negotiation.ts";
import type { Channel } from "../peer/channel.ts";
import type { MediaPeer, PeerEvents, PeerPlan } from "../peer/peer.ts";
import { Peer } from "../peer/peer.ts";
import { Conversation } from "../relay/delivery.ts";
import { RelayPeer } from "../relay/relay_peer.ts";
import type { Asked, IceServer, PageMessage, Welcome } from "../protocol.ts";
import type { Offering } from "../signaling/server.ts";
import { RequestRefused } from "../signaling/server.ts";
import type { Store } from "../status.ts";
import { Ladder, originMemory, RELAY_AFTER_MS } from "./ladder.ts";
import { Sources } from "./sources.ts";
import { Gate, sleep, within } from "./waiting.ts";

const CONNECT_MS = 15_000;
/** `disconnected` is often over by itself (W3C webrtc-pc, 5.6.4); wait that long before a new connection is made. */
const GRACE_MS = 3000;
/** The same where a relay is at hand, which is open by then. */
const STAND_IN_MS = 1000;
/** One try to get back. Shorter than the first: the path is known to work, and a try into a dead network ends another one's wait. */
const AGAIN_MS = 6000;
/** So long without a byte of Python's, and the path is doubted: a browser itself doubts it after five seconds and more. */
const SILENT_MS = 2200;
const LISTEN_MS = 400;
const GIVE_UP_MS = 30_000;
/** So long a socket that was doubted may take to open again. */
const DOUBT_MS = 3000;
const STATS_MS = 1000;

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
  private readonly ladder: Ladder;
  /** What is said over relays; WebRTC that carries ends it. */
  private talk = new Conversation();
  private plan: PeerPlan | null = null;
  private connected = new Gate<void>();
  private recovering = false;
  private playback: Playback | null = null;
  private meter: Meter | null = null;
  private stopStats: (() => void) | null = null;
  private stopListening: (() => void) | null = null;
  private echo: { of: MediaStreamTrack; seen: Echo } | null = null;

  constructor(private readonly context: CallContext) {
    const devices = new Devices({
      lost: (name) => void this.sources.lost(name),
      changed: () => void this.sources.devicesChanged(),
    });
    this.sources = new Sources(context, devices, this.sound, (name, track) => this.use(name, track));
    this.ladder = this.makeLadder();
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
      direct: options.webrtc === false ? null : (events: PeerEvents) => new Peer(signaling, plan(), events),
      relay: signaling.relay ? (events: PeerEvents) => new RelayPeer((withToken) => signaling.relay?.(withToken) ?? null, plan(), events, this.talk) : null,
    };
    return new Ladder(rungs, channel, (source) => this.sources.track(source), originMemory, {
      chosen: () => this.chosen(),
      track: (source, track) => this.arrived(source, track),
      state: (state) => this.peerState(state),
    });
  }

  get heard(): MediaStream | null {
    return this.playback?.heard ?? null;
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
      const { ice_servers: iceServers, limits, relay_at_once: atOnce } = await within(welcome(), 5000, PROBLEMS.noWelcome, signal);
      this.plan = { options, page, iceServers, limits };
      if (limits.max_message_bytes) this.context.channel.maxMessageBytes = limits.max_message_bytes;
      if (!receiveOnly(options)) await this.sources.open(limits, testOnly);
      signal.throwIfAborted();
      store.set({ state: "connecting" });
      await this.connect(null, CONNECT_MS, atOnce || this.context.signaling.unlikely ? 0 : RELAY_AFTER_MS);
      this.live();
    } catch (cause) {
      if (!signal.aborted) this.context.failed(asProblem(cause));
    }
  }

  close(): void {
    this.abort.abort(new DOMException("the call was ended", "AbortError"));
    this.stopStats?.();
    this.stopListening?.();
    this.echo?.seen.close();
    this.listenOff();
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
    const { store } = this.context;
    if (!on) {
      this.listenOff();
      store.set({ listening: "off" });
      return;
    }
    const track = store.now.returned?.getAudioTracks()[0];
    if (!track) return;
    this.listenOff();
    this.playback = new Playback(this.sound, track);
    try {
      const running = await this.sound.resume();
      await this.playback.play(store.now.chosen.speaker);
      store.set({ listening: running ? "on" : "blocked" });
    } catch (cause) {
      console.warn("smallrtc-lab: the browser would not play the returned sound", cause);
      store.set({ listening: "blocked" });
    }
  }

  async useSpeaker(id: string | null): Promise<void> {
    this.context.store.set({ chosen: { ...this.context.store.now.chosen, speaker: id } });
    await this.playback?.useSpeaker(id);
  }

  /** Python asks for another round of offer and answer on the same connection. */
  async renegotiate(): Promise<void> {
    const pcId = this.pcId;
    try {
      await this.peer?.offer(pcId, false);
    } catch (cause) {
      if (!this.abort.signal.aborted) this.context.failed(asProblem(cause));
    }
  }

  /** Makes a new connection after an interruption, unless the old one comes back within `graceMs`. */
  async recover(graceMs: number): Promise<void> {
    const { store } = this.context;
    if (this.recovering || store.now.state !== "live") return;
    this.recovering = true;
    try {
      store.set({ state: "reconnecting", stats: null });
      this.connected = new Gate<void>();
      const prepared = graceMs > 0 && this.ladder.prepare();
      if (await this.comesBack(prepared ? Math.min(graceMs, STAND_IN_MS) : graceMs)) this.ladder.resume();
      else await this.connectAgain();
      this.live();
    } catch (cause) {
      if (!this.abort.signal.aborted) this.context.failed(asProblem(cause));
    } finally {
      this.recovering = false;
    }
  }

  private async comesBack(graceMs: number): Promise<boolean> {
    if (graceMs === 0 || this.context.store.now.link === "lost") return false;
    const back = this.connected.passed.then(() => true);
    return Promise.race([back, sleep(graceMs, this.abort.signal).then(() => false)]).catch((cause: unknown) => {
      this.abort.signal.throwIfAborted();
      console.info("smallrtc-lab: making a new connection", cause);
      return false;
    });
  }

  private async connectAgain(): Promise<void> {
    const { signal } = this.abort;
    const giveUpMs = performance.now() + GIVE_UP_MS;
    let pcId = this.pcId;
    for (let attempt = 0; performance.now() < giveUpMs; attempt++) {
      if (attempt > 0) await sleep(backoffMs(attempt - 1, 500, 4000), signal);
      try {
        await this.connect(pcId, AGAIN_MS, 0);
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
    await within(reachAgain(), DOUBT_MS, PROBLEMS.unreachable, this.abort.signal);
  }

  private async connect(pcId: string | null, deadlineMs: number, relayAfterMs: number): Promise<void> {
    this.connected = new Gate<void>();
    this.context.store.set({ returned: null, returnedVideo: false });
    await this.ladder.connect(pcId, deadlineMs, relayAfterMs, this.abort.signal);
  }

  /** The name of the WebRTC connection that carries, or carried last. */
  private get pcId(): string | null {
    return this.peer instanceof Peer ? this.peer.pcId : null;
  }

  /** Another way carries: what Python returns comes over it. */
  private chosen(): void {
    const { store, channel } = this.context;
    if (this.peer instanceof Peer) {
      channel.lost(this.talk.kept.length);
      this.talk = new Conversation();
    }
    store.set({ returned: null, returnedVideo: false, stats: null });
    if (store.now.state === "live") this.sources.tellStatus();
  }

  private live(): void {
    const { store } = this.context;
    store.set({ state: "live", error: null });
    if (store.now.asked) void this.ask(store.now.asked);
    this.sources.tellStatus();
    this.stopStats?.();
    this.stopStats = every(STATS_MS, () => void this.measure());
    this.stopListening?.();
    this.stopListening = every(LISTEN_MS, () => void this.doubt());
  }

  /** A path that was cut says nothing: where a relay is at hand, silence is enough to open it. */
  private async doubt(): Promise<void> {
    const { store, signaling } = this.context;
    const silentMs = (await this.peer?.silentMs?.()) ?? 0;
    if (this.abort.signal.aborted || !signaling.relay) return;
    if (store.now.state === "reconnecting" && silentMs === 0) this.connected.open(); // it was a hiccup
    else if (store.now.state === "live" && silentMs > SILENT_MS) void this.recover(GRACE_MS);
  }

  private async measure(): Promise<void> {
    if (!this.peer || this.context.store.now.state !== "live") return;
    const stats = await this.peer.stats();
    if (this.abort.signal.aborted || this.context.store.now.state !== "live") return;
    this.context.store.set({ stats });
    const listening = this.context.store.now.listening === "on";
    this.context.tell({ type: "stats", ...stats, listening, ...this.followEcho()?.stats });
  }

  /** While the test picture is sent, its way to Python and back is timed. */
  private followEcho(): Echo | null {
    const { camera, returned, returnedVideo } = this.context.store.now;
    const [track] = camera === "test" && returnedVideo ? (returned?.getVideoTracks() ?? []) : [];
    if (this.echo?.of !== track) {
      this.echo?.seen.close();
      this.echo = track ? { of: track, seen: new Echo(track) } : null;
    }
    return this.echo?.seen ?? null;
  }

  private peerState(state: RTCPeerConnectionState): void {
    if (state === "connected") this.connected.open();
    else if (state === "failed") {
      this.connected.refuse(asError(PROBLEMS.timeout));
      void this.recover(0);
    } else if (state === "disconnected") void this.recover(GRACE_MS);
  }

  private arrived(source: Source, track: MediaStreamTrack): void {
    const { store } = this.context;
    const returned = new MediaStream([...(store.now.returned?.getTracks() ?? []), track]);
    store.set({ returned });
    if (source === "camera") {
      track.onunmute = () => store.set({ returnedVideo: true });
      track.onmute = () => store.set({ returnedVideo: false });
    }
    if (source === "audio" && store.now.listening !== "off") void this.listen(true);
  }

  private async use(name: Source, track: MediaStreamTrack | null): Promise<void> {
    if (name === "audio") {
      this.meter?.stop();
      this.meter = track ? this.sound.meter(track) : null;
    }
    await this.peer?.replace(name, track);
  }

  private listenOff(): void {
    this.playback?.stop();
    this.playback = null;
  }
}
