// A camera or screen on its way out: captured when the browser has a new frame, dropped before it is encoded when there is no room.
import { every } from "../media/ticker.ts";
import { pictureConfig } from "./abilities.ts";
import { BitrateControl } from "./bitrate.ts";
import type { Media, Report, Stream } from "./packets.ts";
import { SendWindow } from "./window.ts";

const START_BPS = 800_000;
const MOST_BPS = 2_500_000;
const KEYFRAME_MS = 1000;
/** A hidden tab gets no video frame callbacks: a worker's clock takes a picture now and then. */
const HIDDEN_MS = 250;
/** Pictures in the encoder: it must not become a queue. */
const MOST_ENCODING = 2;
const JPEG_MS = 100;
const JPEG_WIDTH = 640;
const JPEG_QUALITY = 0.7;

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
  mostBps: number | undefined;
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
  private pending = 0;
  private keyframeWanted = true;
  private keyframeMs = -Infinity;
  private lastMs = -Infinity;
  private closed = false;
  /** Python asks for no more pictures than that, in ms from one to the next. */
  private everyMs = 0;
  private takenMs = -Infinity;
  private canvas: HTMLCanvasElement | null = null;

  constructor(
    track: MediaStreamTrack,
    private readonly route: PictureRoute,
  ) {
    this.control = new BitrateControl(START_BPS, Math.min(MOST_BPS, route.mostBps ?? MOST_BPS));
    this.video.muted = true;
    this.video.playsInline = true;
    this.video.srcObject = new MediaStream([track]);
    void this.video.play().catch(() => undefined); // muted: refused only where nothing may play, and then the clock goes on trying
    this.stopClock = every(HIDDEN_MS, () => this.hiddenTick());
    this.watch();
  }

  atMost(rateHz: number | null): void {
    this.everyMs = rateHz === null ? 0 : 1000 / rateHz;
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
      this.capture(captureTime ?? now);
      this.watch();
    });
  }

  private hiddenTick(): void {
    if (this.video.paused) void this.video.play().catch(() => undefined);
    if (performance.now() - this.lastMs > HIDDEN_MS) this.capture(performance.now());
  }

  private capture(timeMs: number): void {
    const nowMs = performance.now();
    if (this.closed || this.video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA || this.video.videoWidth === 0) return;
    this.lastMs = nowMs;
    if (nowMs - this.takenMs < 0.9 * this.everyMs) return;
    if (this.pending >= MOST_ENCODING || this.route.waiting() > 0 || !this.window.hasRoom(nowMs)) return;
    this.takenMs = nowMs;
    if (this.route.encodes) this.encode(timeMs, nowMs);
    else void this.photograph(timeMs, nowMs);
  }

  private encode(timeMs: number, nowMs: number): void {
    const frame = new VideoFrame(this.video, { timestamp: Math.round(timeMs * 1000) });
    try {
      const encoder = this.encoderFor(frame);
      const keyFrame = this.keyframeWanted && nowMs - this.keyframeMs >= KEYFRAME_MS;
      if (keyFrame) [this.keyframeWanted, this.keyframeMs] = [false, nowMs];
      this.captured.set(frame.timestamp, timeMs);
      this.pending += 1;
      encoder.encode(frame, { keyFrame });
    } catch (cause) {
      this.failed(cause);
    } finally {
      frame.close();
    }
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
    this.pending -= 1;
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
    console.warn("smallrtc-lab: the browser's encoder failed and is made anew", cause);
    this.dropEncoder();
    this.keyframeWanted = true;
  }

  private dropEncoder(): void {
    if (this.encoder && this.encoder.state !== "closed") this.encoder.close();
    this.encoder = null;
    this.pending = 0;
    this.captured.clear();
    this.configured = { width: 0, height: 0, bps: 0 };
  }

  /** Without WebCodecs: ten small photographs a second. */
  private async photograph(timeMs: number, nowMs: number): Promise<void> {
    if (nowMs - this.keyframeMs < JPEG_MS) return;
    this.keyframeMs = nowMs;
    this.canvas ??= document.createElement("canvas");
    const scale = Math.min(1, JPEG_WIDTH / this.video.videoWidth);
    const even = (length: number) => Math.max(2, 2 * Math.round((length * scale) / 2));
    [this.canvas.width, this.canvas.height] = [even(this.video.videoWidth), even(this.video.videoHeight)];
    this.canvas.getContext("2d")?.drawImage(this.video, 0, 0, this.canvas.width, this.canvas.height);
    this.pending += 1;
    const blob = await new Promise<Blob | null>((done) => this.canvas?.toBlob(done, "image/jpeg", JPEG_QUALITY));
    const content = blob ? new Uint8Array(await blob.arrayBuffer()) : null;
    this.pending -= 1;
    if (content && this.canvas) this.go("jpeg", content, timeMs, true, this.canvas);
  }
}
