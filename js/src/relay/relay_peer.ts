// A page's media and messages over a relay socket, with the members of a WebRTC peer: what a call uses when no path for WebRTC is found.
// This is not an RTCPeerConnection: everything goes through the Jupyter server.
import { asError, PROBLEMS } from "../errors.ts";
import type { Source } from "../negotiation.ts";
import { isRaw, soundBps } from "../negotiation.ts";
import type { Conversation } from "../peer/conversation.ts";
import type { MediaPeer, PeerEvents, PeerPlan } from "../peer/peer.ts";
import type { Asked, PageStats } from "../protocol.ts";
import type { Abilities } from "./abilities.ts";
import { findAbilities } from "./abilities.ts";
import { RelayChannel } from "./delivery.ts";
import type { Control, Media, Packet, Report } from "./packets.ts";
import { pack, parse, RELAY_VERSION } from "./packets.ts";
import { PictureIn } from "./picture_in.ts";
import { PictureOut } from "./picture_out.ts";
import { Wire } from "./wire.ts";
import type { SoundNode } from "./worklets.ts";
import { loadWorklets, player, recorder } from "./worklets.ts";

/** More than that in the browser's own buffer: the network takes nothing, and pictures are left out. */
const BACKLOG_BYTES = 100_000;

interface Counts {
  atMs: number;
  frames: number;
  bytes: number;
}

export class RelayPeer implements MediaPeer {
  pcId: string | null = null;
  readonly pipe: RelayChannel;
  private readonly tracks = new Map<Source, MediaStreamTrack>();
  private readonly pictures = new Map<"camera" | "screen", PictureOut>();
  private readonly returned: PictureIn;
  private abilities: Abilities | null = null;
  private context: AudioContext | null = null;
  private readonly wire: Wire;
  private recorder: SoundNode | null = null;
  private player: ReturnType<typeof player> | null = null;
  private reached: Promise<void> | null = null;
  private greeted = false;
  /** For the socket to open, then for the engine's welcome. */
  private waiting: { open(): void; refuse(cause: unknown): void } | null = null;
  private live = false;
  private closed = false;
  private asked: Asked = { scale: 1, max_frame_rate: null };
  private counts: Counts | null = null;

  constructor(
    private readonly address: (withToken: boolean) => string | null,
    private readonly plan: PeerPlan,
    private readonly events: PeerEvents,
    private readonly talk: Conversation,
  ) {
    this.wire = new Wire({
      open: () => this.waiting?.open(),
      packet: (content) => this.received(content),
      sound: () => this.player?.track && this.began("audio", this.player.track),
      silent: () => this.lost("nothing came any more"),
      closed: (code, reason) => this.lost(`the socket was closed: ${code} ${reason}`),
    });
    this.pipe = new RelayChannel((packet) => this.send(packet), talk);
    this.returned = new PictureIn((report) => this.send(report), (track) => this.began("camera", track));
  }

  /** Opens the socket and says nothing: the engine knows nothing of it. */
  prepare(): Promise<void> {
    this.reached ??= this.reach();
    return this.reached;
  }

  /** Is welcomed; there is nothing to negotiate, so a second call does nothing. */
  async offer(): Promise<void> {
    if (this.greeted) return;
    this.greeted = true;
    await this.prepare();
    await this.fitSound();
    await this.answered(() => this.send(this.hello()));
    this.live = true;
    this.wire.live();
    this.pipe.opened();
    this.begin();
    this.events.state("connected");
  }

  async replace(source: Source, track: MediaStreamTrack | null): Promise<void> {
    if (track) this.tracks.set(source, track);
    else this.tracks.delete(source);
    if (this.live) this.sendFrom(source);
  }

  async stats(): Promise<PageStats> {
    const picture = this.pictures.get("camera") ?? this.pictures.get("screen");
    const now: Counts = { atMs: performance.now(), frames: picture?.figures.sent ?? this.returned.received, bytes: this.wire.sentBytes };
    const last = this.counts;
    this.counts = now;
    const seconds = last ? (now.atMs - last.atMs) / 1000 : 0;
    const each = (count: number) => (seconds > 0 && count >= 0 ? count / seconds : null);
    const bps = each(8 * (now.bytes - (last?.bytes ?? 0)));
    return {
      fps: each(now.frames - (last?.frames ?? 0)),
      width: picture?.figures.width || null,
      height: picture?.figures.height || null,
      rtt_ms: this.wire.rttMs === null ? null : Math.round(this.wire.rttMs * 10) / 10,
      bitrate_bps: bps === null ? null : Math.round(bps),
      loss: null,
      route: "relay",
      slowed: picture?.slowed ? "hidden" : null,
    };
  }

  /** Smaller and fewer pictures of the camera. */
  async ask(asked: Asked): Promise<void> {
    this.asked = asked;
    this.pictures.get("camera")?.ask(asked);
  }

  close(): void {
    this.closed = true;
    this.waiting?.refuse(new DOMException("the relay was closed", "AbortError"));
    if (this.live) this.send({ kind: "control", body: { type: "bye" } });
    this.live = false;
    for (const picture of this.pictures.values()) picture.close();
    this.pictures.clear();
    this.recorder?.close();
    this.player?.close();
    this.returned.close();
    this.pipe.close();
    this.wire.close();
    if (this.context && this.context.state !== "closed") void this.context.close();
  }

  private async reach(): Promise<void> {
    const able = async () => {
      this.abilities = await findAbilities();
    };
    await Promise.all([this.answered(() => this.dial()), able(), this.openSound()]); // the way is long, and needs neither
  }

  /** What is asked by `ask` has come; rejects when the socket is lost, or this peer closed, before it has. */
  private async answered(ask: () => void): Promise<void> {
    if (this.closed) throw new DOMException("the relay was closed", "AbortError");
    await new Promise<void>((open, refuse) => {
      this.waiting = { open, refuse };
      ask();
    });
  }

  private async openSound(): Promise<void> {
    for (const options of [{ sampleRate: 48_000, latencyHint: "interactive" as const }, {}]) {
      const context = new AudioContext(options);
      try {
        await loadWorklets(context);
        this.join(context);
        if (this.closed) return void context.close();
        this.context = context;
        void context.resume().catch(() => undefined); // without a gesture it waits for one
        return;
      } catch (cause) {
        await context.close();
        console.info("smallrtc-lab: another audio context is tried", cause);
      }
    }
    console.warn("smallrtc-lab: this page may run no AudioWorklet, so that no sound is relayed");
  }

  /** Throws where the microphone cannot be heard there: in Firefox it keeps its own rate. */
  private join(context: AudioContext): void {
    const track = this.tracks.get("audio");
    if (track) context.createMediaStreamSource(new MediaStream([track])).disconnect();
  }

  /** The microphone may have been opened later than the sound of this page. */
  private async fitSound(): Promise<void> {
    if (!this.context) return;
    try {
      this.join(this.context);
    } catch {
      await this.context.close();
      this.context = null;
      await this.openSound();
    }
  }

  /** A browser without Jupyter's login cookie has the page's token as the other way in; addresses are logged, so it goes there last. */
  private dial(): void {
    const urls = [this.address(false), this.address(true)].filter((url) => url !== null);
    if (urls.length > 0) this.wire.dial(urls);
    else this.waiting?.refuse(asError(PROBLEMS.unreachable));
  }

  private hello(): Control {
    const { decodesVideo, decodesAudio } = this.abilities ?? { decodesVideo: false, decodesAudio: false };
    const sends = [...(this.plan.options.audio && this.context ? ["audio"] : []), ...(this.plan.options.video ? ["camera"] : []), "screen"];
    const plays = [decodesVideo ? "vp8" : "jpeg", decodesAudio ? "opus" : "pcm"];
    const takes = this.context ? ["audio", "video"] : ["video"];
    return { kind: "control", body: { type: "hello", version: RELAY_VERSION, page: this.plan.page, sends, takes, plays, conversation: this.talk.id, received: this.talk.received } };
  }

  private begin(): void {
    if (this.context) {
      this.player = player(this.context);
      this.wire.play(this.player.port);
    }
    for (const source of ["audio", "camera", "screen"] as const) this.sendFrom(source);
  }

  private sendFrom(source: Source): void {
    const track = this.tracks.get(source) ?? null;
    if (source === "audio") this.sendSound(track);
    else this.sendPicture(source, track);
  }

  private sendSound(track: MediaStreamTrack | null): void {
    this.recorder?.close();
    this.recorder = null;
    this.wire.record(null);
    if (!track || !this.context || !this.plan.options.audio) return;
    this.recorder = recorder(this.context, track);
    const bitrate = soundBps(isRaw(this.plan.options.audio), this.plan.limits);
    this.wire.record({ port: this.recorder.port, bitrate, encodes: this.abilities?.encodesAudio ?? false });
  }

  private sendPicture(source: "camera" | "screen", track: MediaStreamTrack | null): void {
    this.pictures.get(source)?.close();
    this.pictures.delete(source);
    if (track) this.pictures.set(source, this.pictureOf(source, track));
    this.share();
  }

  /** Two at once have half of what is allowed each. */
  private share(): void {
    const { limits, options } = this.plan;
    const limit = (limits.max_bitrate_bps ?? Infinity) / Math.max(1, this.pictures.size);
    for (const [source, picture] of this.pictures) picture.useBitrate((source === "camera" ? options.video_bitrate_bps : null) ?? null, limit);
  }

  private pictureOf(source: "camera" | "screen", track: MediaStreamTrack): PictureOut {
    const route = {
      stream: source,
      send: (media: Media) => this.send(media),
      waiting: () => Math.max(0, this.wire.waiting - BACKLOG_BYTES),
      encodes: this.abilities?.encodesVideo ?? false,
    };
    const picture = new PictureOut(track, route);
    if (source === "camera") picture.ask(this.asked);
    return picture;
  }

  private began(source: Source, track: MediaStreamTrack): void {
    this.events.track(source, track);
    track.dispatchEvent(new Event("unmute")); // a drawn picture is never muted, and so never says that it no longer is
  }

  private send(packet: Packet): void {
    this.wire.send(pack(packet));
  }

  private received(content: ArrayBuffer): void {
    const packet = parse(content);
    if (packet?.kind === "media") this.returned.take(packet);
    else if (packet?.kind === "report") this.reported(packet);
    else if (packet?.kind === "message") this.pipe.arrived(packet);
    else if (packet) this.told(packet.body);
  }

  private reported(report: Report): void {
    if (report.stream === "messages") this.pipe.acknowledged(report.sequence);
    else if (report.stream === "camera" || report.stream === "screen") this.pictures.get(report.stream)?.reported(report);
  }

  private told(body: Control["body"]): void {
    if (body.type === "welcome") {
      this.pcId = typeof body["pc_id"] === "string" ? body["pc_id"] : null;
      this.pipe.acknowledged(typeof body["received"] === "number" ? body["received"] : 0);
      this.waiting?.open();
    }
  }

  private lost(how: string): void {
    if (this.closed) return;
    console.info(`smallrtc-lab: the relay is lost: ${how}`);
    this.waiting?.refuse(asError(PROBLEMS.unreachable));
    this.closed = true;
    if (this.live) this.events.state("failed");
    this.live = false;
  }
}
