// The only RTCPeerConnection: three media sections and one data channel over one transport, offered once.
import { asError, PROBLEMS } from "../errors.ts";
import type { Options } from "../model.ts";
import type { Candidate, Counters, PairSeen, Section, Source } from "../negotiation.ts";
import { bytesHeard, digest, isRaw, mostBps, namesAddress, offerBody, pairsSeen, SECTION, sections, shapeAnswer, wireCandidate } from "../negotiation.ts";
import type { Asked, IceServer, Limits, PageStats } from "../protocol.ts";
import type { Offering } from "../signaling/server.ts";
import { RequestRefused } from "../signaling/server.ts";
import type { DataPipe } from "./channel.ts";
import { ChannelPipe } from "./channel_pipe.ts";
import type { Conversation } from "./conversation.ts";

const TRICKLE_MS = 200;
const PATCH_TRIES = 3;
const SLEPT_MS = 1500;

export interface PeerEvents {
  /** A track of Python's, for the section it belongs to; it may stay silent for ever. */
  track(source: Source, track: MediaStreamTrack): void;
  /** ICE and DTLS as one state (W3C `connectionState`). */
  state(state: RTCPeerConnectionState): void;
}

export interface PeerPlan {
  options: Options;
  page: string | null;
  iceServers: IceServer[];
  limits: Partial<Limits>;
}

/** What a call uses of whatever carries its media. */
export interface MediaPeer {
  readonly pcId: string | null;
  /** What carries its messages; whoever chooses this peer attaches a channel to it. */
  readonly pipe: DataPipe;
  /** Connects, or negotiates again; resolves when the other side has answered. */
  offer(pcId: string | null, restart: boolean): Promise<void>;
  /** Sends this track, or nothing, from now on. */
  replace(source: Source, track: MediaStreamTrack | null): Promise<void>;
  stats(): Promise<PageStats>;
  /** Sends smaller or fewer pictures of the camera from now on, where it can. */
  ask?(asked: Asked): Promise<void>;
  /** The pairs of candidates it has tried; a relay tries none. */
  pairs?(): Promise<PairSeen[]>;
  /** Milliseconds since anything of Python's has come; 0 where that is not known. */
  silentMs?(): Promise<number>;
  /** Does beforehand what needs nobody's leave, so that `offer` takes one round trip. */
  prepare?(): Promise<void>;
  close(): void;
}

export class Peer implements MediaPeer {
  pcId: string | null = null;
  readonly pipe: ChannelPipe;
  private readonly connection: RTCPeerConnection;
  private readonly plan: PeerPlan;
  private readonly abort = new AbortController();
  private candidates: Candidate[] = [];
  private trickleTimer: ReturnType<typeof setTimeout> | null = null;
  private patchFailures = 0;
  private counters: Counters | null = null;
  private heard = { bytes: null as number | null, atMs: 0, lookedMs: 0 };
  private stereo = false;

  constructor(
    private readonly signaling: Offering,
    plan: PeerPlan,
    private readonly events: PeerEvents,
    private readonly talk: Conversation | null = null,
  ) {
    this.plan = plan;
    this.connection = new RTCPeerConnection({ iceServers: plan.iceServers, bundlePolicy: "max-bundle" });
    for (const section of sections(plan.options)) this.addSection(section);
    this.pipe = new ChannelPipe(this.connection.createDataChannel("chat", { ordered: true }));
    this.connection.onicecandidate = ({ candidate }) => this.gathered(candidate);
    this.connection.ontrack = ({ transceiver, track }) => this.arrived(transceiver, track);
    this.connection.onconnectionstatechange = () => events.state(this.connection.connectionState);
  }

  get state(): RTCPeerConnectionState {
    return this.connection.connectionState;
  }

  /** Sends an offer and applies the answer; `restart` asks for a new connection in the place of `pcId`'s. */
  async offer(pcId: string | null, restart: boolean): Promise<void> {
    await this.connection.setLocalDescription();
    const sdp = this.connection.localDescription?.sdp ?? "";
    const body = offerBody(sdp, this.plan.page, pcId, restart, this.talk?.id);
    const answer = await this.signaling.offer(body, this.abort.signal);
    this.abort.signal.throwIfAborted();
    this.pcId = answer.pc_id;
    // without a network Python's side has no address, and it never sends one later: no need to wait for what cannot be
    if (!namesAddress(answer.sdp)) throw asError(PROBLEMS.timeout);
    this.pipe.talk = answer.conversation ? this.talk : null;
    const shape = { raw: isRaw(this.plan.options.audio), stereo: this.stereo, maxSoundBps: this.plan.limits.max_sound_bps, maxBitrateBps: mostBps(this.plan.limits, this.plan.options.video_bitrate_bps) };
    await this.connection.setRemoteDescription({ type: "answer", sdp: shapeAnswer(answer.sdp, shape) });
    await this.limitEncoders();
    this.trickle();
  }

  /** Puts a track, or nothing, into its section; no new offer is needed. */
  async replace(source: Source, track: MediaStreamTrack | null): Promise<void> {
    if (source === "audio" && track) this.stereo = (track.getSettings().channelCount ?? 1) > 1;
    await this.connection.getTransceivers()[SECTION[source]]?.sender.replaceTrack(track);
  }

  /** The camera's pictures smaller and fewer by the encoder: the device itself, and what the page shows of it, stay. */
  async ask({ scale, max_frame_rate: rate }: Asked): Promise<void> {
    const sender = this.connection.getTransceivers()[SECTION.camera]?.sender;
    const parameters = sender?.getParameters();
    const [encoding] = parameters?.encodings ?? [];
    if (!sender || !parameters || !encoding) return;
    const most = this.plan.limits.max_frame_rate;
    encoding.scaleResolutionDownBy = 1 / scale;
    const wanted = rate === null ? most : Math.min(rate, most ?? rate);
    if (wanted === undefined) delete encoding.maxFramerate;
    else encoding.maxFramerate = wanted;
    try {
      await sender.setParameters(parameters);
    } catch (cause) {
      console.info("smallrtc-lab: this browser keeps the size and rate of its pictures", cause);
    }
  }

  async stats(): Promise<PageStats> {
    const reports = [...(await this.connection.getStats()).values()];
    const { stats, counters } = digest(reports, this.counters);
    this.counters = counters;
    return stats;
  }

  /** The pairs of candidates it has tried. */
  async pairs(): Promise<PairSeen[]> {
    return pairsSeen([...(await this.connection.getStats()).values()]);
  }

  /** Python's peer answers our sound and pictures with feedback several times a second: silence means that no path is left. */
  async silentMs(): Promise<number> {
    const bytes = bytesHeard([...(await this.connection.getStats()).values()]);
    const nowMs = performance.now();
    const slept = nowMs - this.heard.lookedMs > SLEPT_MS; // the page stood still itself
    if (bytes === null || bytes !== this.heard.bytes || slept) this.heard = { bytes, atMs: nowMs, lookedMs: nowMs };
    this.heard.lookedMs = nowMs;
    return nowMs - this.heard.atMs;
  }

  close(): void {
    this.abort.abort();
    if (this.trickleTimer !== null) clearTimeout(this.trickleTimer);
    this.connection.onicecandidate = null;
    this.connection.ontrack = null;
    this.connection.onconnectionstatechange = null;
    this.connection.close();
  }

  private addSection({ kind, direction }: Section): void {
    const maxBitrate = mostBps(this.plan.limits, this.plan.options.video_bitrate_bps);
    const maxFramerate = this.plan.limits.max_frame_rate;
    const encoding: RTCRtpEncodingParameters = {};
    if (kind === "video" && maxBitrate) encoding.maxBitrate = maxBitrate;
    if (kind === "video" && maxFramerate) encoding.maxFramerate = maxFramerate;
    this.connection.addTransceiver(kind, { direction, sendEncodings: [encoding] });
  }

  /** A picture that keeps its size is worth more to an array program than one that keeps its rate. */
  private async limitEncoders(): Promise<void> {
    for (const { sender, receiver } of this.connection.getTransceivers()) {
      if (receiver.track.kind !== "video") continue;
      const parameters = sender.getParameters();
      parameters.degradationPreference = "maintain-resolution";
      try {
        await sender.setParameters(parameters);
      } catch (cause) {
        console.info("smallrtc-lab: this browser keeps its own degradation preference", cause); // Firefox
      }
    }
  }

  private arrived(transceiver: RTCRtpTransceiver, track: MediaStreamTrack): void {
    const index = this.connection.getTransceivers().indexOf(transceiver);
    const source = (Object.keys(SECTION) as Source[]).find((name) => SECTION[name] === index);
    if (source) this.events.track(source, track);
  }

  /** Never waits for the end of gathering: candidates follow in batches, as soon as the answer named the connection. */
  private gathered(candidate: RTCIceCandidate | null): void {
    if (candidate?.candidate === "") return; // Firefox's end of one section; the null that follows ends them all
    this.candidates.push(wireCandidate(candidate));
    if (candidate === null) this.trickle();
    else this.trickleTimer ??= setTimeout(() => this.trickle(), TRICKLE_MS);
  }

  private trickle(): void {
    if (this.trickleTimer !== null) clearTimeout(this.trickleTimer);
    this.trickleTimer = null;
    if (this.pcId === null || this.candidates.length === 0) return;
    const batch = this.candidates.splice(0);
    this.signaling.patch(this.pcId, batch, this.abort.signal).catch((cause: unknown) => this.patchFailed(cause, batch));
  }

  /** A hiccup of the network is tried again; a refusal is left to the deadline of the connection, which says so in the page. */
  private patchFailed(cause: unknown, batch: Candidate[]): void {
    if (this.abort.signal.aborted) return;
    console.warn("smallrtc-lab: candidates could not be sent", cause);
    this.patchFailures += 1;
    if (this.patchFailures > PATCH_TRIES || (cause instanceof RequestRefused && cause.final)) return;
    this.candidates.unshift(...batch);
    this.trickleTimer ??= setTimeout(() => this.trickle(), TRICKLE_MS * 2 ** this.patchFailures);
  }
}
