// A camera or screen on its way out: captured when the browser has a new frame, dropped before it is encoded when there is no room.
import { every } from "../media/ticker.ts";
import type { Asked } from "../protocol.ts";
import { pictureConfig } from "./abilities.ts";
import { BitrateControl, MOST_BPS } from "./bitrate.ts";
import type { Media, Report, Stream } from "./packets.ts";
import { Photographer, Smaller } from "./photographs.ts";
import { Colours } from "./colours.ts";
import { SendWindow } from "./window.ts";

const START_BPS = 800_000;
const KEYFRAME_MS = 1000;
/** A page that is hidden, or covered, gets no video frame callbacks: after so long without one a worker's clock takes ten pictures a second. */
const UNCALLED_MS = { hidden: 250, shown: 2000 };
const CLOCK_MS = 100;
/** A page that is shown, but covered, is known by that only. */
const COVERED_MS = 2000;
/** So long after the last of these the page says that it was slowed: for who comes back to it. */
const SLOWED_MS = 3000;
/** Pictures in the encoder: it must not become a queue. One that it leaves out for its bitrate (W3C WebCodecs, latency mode) is not waited for. */
const MOST_ENCODING = 2;
const ENCODING_MS = 1000;
/** An encoder that fails so often without a picture between does not work here: photographs are sent instead. */
const MOST_FAILURES = 3;

export interface PictureFigures {
  sent: number;
  width: number;
  height: number;
}

export interface PictureRoute {
  stream: Stream;
  send(media: Media): void;
  /** Bytes that wait in the browser's own socket buffer. */
  waiting(): number;
  encodes: boolean;
}

export class PictureOut {
  readonly window = new SendWindow();
  readonly figures: PictureFigures = { sent: 0, width: 0, height: 0 };
  private readonly video = document.createElement("video");
  private readonly control: BitrateControl;
  private readonly stopClock: () => void;
  private encoder: VideoEncoder | null = null;
  private configured = { width: 0, height: 0, bps: 0 };
  private readonly captured = new Map<number, number>();
  private photographing = false;
  private keyframeWanted = true;
  private keyframeMs = -Infinity;
  private calledMs = -Infinity;
  private clockedMs = -Infinity;
  private newestMs = -Infinity;
  private closed = false;
  /** Python asks for no more pictures than that, in ms from one to the next. */
  private everyMs = 0;
  /** And this share of their width and height. */
  private scale = 1;
  private smaller: Smaller | null = null;
  private takenMs = -Infinity;
  private readonly colours = new Colours();
  private photographer: Photographer | null = null;
  private failures = 0;

  constructor(
    track: MediaStreamTrack,
    private readonly route: PictureRoute,
  ) {
    this.control = new BitrateControl(route.encodes ? START_BPS : MOST_BPS);
    this.video.muted = true;
    this.video.playsInline = true;
    this.video.srcObject = new MediaStream([track]);
    void this.video.play().catch(() => undefined); // muted: refused only where nothing may play, and then the clock goes on trying
    this.calledMs = performance.now();
    this.stopClock = every(CLOCK_MS, () => this.tick());
    this.watch();
  }

  /** Whether fewer pictures than the camera's went out in these seconds, for nobody sees the page. */
  get slowed(): boolean {
    return performance.now() - this.clockedMs < SLOWED_MS;
  }

  /** Smaller and fewer pictures from now on; the device itself, and what the page shows of it, stay. */
  ask({ scale, max_frame_rate: rateHz }: Asked): void {
    this.scale = scale;
    this.everyMs = rateHz === null ? 0 : 1000 / rateHz;
  }

  /** What was asked for in bits a second, or null, within what is allowed. */
  useBitrate(wantedBps: number | null, limitBps: number | undefined): void {
    this.control.use(wantedBps, limitBps);
  }

  reported(report: Report): void {
    const nowMs = performance.now();
    const told = this.window.acknowledge(report.sequence, nowMs);
    if (told) this.control.acknowledged(told, nowMs);
    if (report.keyframe) this.keyframeWanted = true;
  }

  close(): void {
    this.closed = true;
    this.stopClock();
    this.dropEncoder();
    this.video.pause();
    this.video.srcObject = null;
  }

  private watch(): void {
    if (this.closed || !("requestVideoFrameCallback" in this.video)) return;
    this.video.requestVideoFrameCallback((now, { captureTime }) => {
      this.calledMs = performance.now();
      this.watch();
      this.capture(captureTime ?? now);
    });
  }

  private tick(): void {
    const nowMs = performance.now();
    if (this.video.paused) void this.video.play().catch(() => undefined);
    if (nowMs - this.calledMs < UNCALLED_MS[document.hidden ? "hidden" : "shown"]) return;
    if (document.hidden || nowMs - this.calledMs > COVERED_MS) this.clockedMs = nowMs; // else it is only a busy machine
    this.capture(nowMs);
  }

  private capture(timeMs: number): void {
    const nowMs = performance.now();
    if (this.closed || this.video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA || this.video.videoWidth === 0) return;
    if (timeMs <= this.newestMs || nowMs - this.takenMs < 0.9 * this.everyMs) return;
    if (this.photographing || this.encoding(nowMs) >= MOST_ENCODING || this.route.waiting() > 0 || !this.window.hasRoom(nowMs)) return;
    this.takenMs = nowMs;
    this.newestMs = timeMs;
    if (this.route.encodes) this.encode(timeMs, nowMs);
    else void this.photograph(timeMs, nowMs);
  }

  private encode(timeMs: number, nowMs: number): void {
    let frame: VideoFrame | null = null;
    try {
      const source = this.source();
      frame = this.colours.fitting(new VideoFrame(source, { timestamp: Math.round(timeMs * 1000) }), source);
      const encoder = this.encoderFor(frame);
      const keyFrame = this.keyframeWanted && nowMs - this.keyframeMs >= KEYFRAME_MS;
      if (keyFrame) [this.keyframeWanted, this.keyframeMs] = [false, nowMs];
      this.captured.set(frame.timestamp, timeMs);
      encoder.encode(frame, { keyFrame });
    } catch (cause) {
      this.failed(cause);
    } finally {
      frame?.close();
    }
  }

  private source(): HTMLVideoElement | HTMLCanvasElement {
    if (this.scale === 1) return this.video;
    this.smaller ??= new Smaller();
    return this.smaller.draw(this.video, this.scale);
  }

  private encoding(nowMs: number): number {
    for (const [timestamp, timeMs] of this.captured) if (nowMs - timeMs > ENCODING_MS) this.captured.delete(timestamp);
    return this.captured.size;
  }

  private encoderFor(frame: VideoFrame): VideoEncoder {
    const [width, height, bps] = [frame.displayWidth, frame.displayHeight, this.control.targetBps];
    const same = width === this.configured.width && height === this.configured.height;
    const near = bps > 0.85 * this.configured.bps && bps < 1.2 * this.configured.bps;
    if (this.encoder === null) {
      this.encoder = new VideoEncoder({ output: (chunk) => this.encoded(chunk), error: (cause) => this.failed(cause) });
    } else if (same && near) return this.encoder;
    this.encoder.configure(pictureConfig(width, height, bps));
    this.configured = { width, height, bps };
    return this.encoder;
  }

  private encoded(chunk: EncodedVideoChunk): void {
    this.failures = 0;
    const timeMs = this.captured.get(chunk.timestamp) ?? chunk.timestamp / 1000;
    for (const timestamp of this.captured.keys()) if (timestamp <= chunk.timestamp) this.captured.delete(timestamp);
    const content = new Uint8Array(chunk.byteLength);
    chunk.copyTo(content);
    this.go("vp8", content, timeMs, chunk.type === "key", this.configured);
  }

  private go(codec: "vp8" | "jpeg", content: Uint8Array<ArrayBuffer>, timeMs: number, keyframe: boolean, size: { width: number; height: number }): void {
    if (this.closed) return;
    const sequence = this.window.sent(performance.now(), content.byteLength);
    Object.assign(this.figures, { sent: this.figures.sent + 1, width: size.width, height: size.height });
    this.route.send({ kind: "media", stream: this.route.stream, codec, keyframe, sequence, pts: Math.round(timeMs * 90), time_ms: timeMs, content });
  }

  /** Another encoder takes the place of one that failed; its first picture needs no other. */
  private failed(cause: unknown): void {
    if (this.closed) return;
    this.failures += 1;
    this.dropEncoder();
    if (this.failures < MOST_FAILURES) console.warn("smallrtc-lab: the browser's encoder failed and is made anew", cause);
    else {
      console.warn("smallrtc-lab: the browser's encoder does not work; pictures go as JPEG", cause);
      this.route.encodes = false;
    }
    this.keyframeWanted = true;
  }

  private dropEncoder(): void {
    if (this.encoder && this.encoder.state !== "closed") this.encoder.close();
    this.encoder = null;
    this.captured.clear();
    this.configured = { width: 0, height: 0, bps: 0 };
  }

  private async photograph(timeMs: number, nowMs: number): Promise<void> {
    this.photographer ??= new Photographer();
    if (!this.photographer.due(nowMs)) return;
    this.photographing = true;
    const taken = await this.photographer.take(this.video, nowMs, this.control.targetBps, this.scale);
    this.photographing = false;
    if (taken) this.go("jpeg", taken.content, timeMs, true, taken);
  }
}
