// Python's picture on its way in: decoded, drawn on a canvas, and a track of that canvas, which a view shows as any other.
import { VP8_DECODER } from "./abilities.ts";
import type { Media, Report } from "./packets.ts";

const ASK_MS = 1000;

export class PictureIn {
  received = 0;
  private readonly canvas = document.createElement("canvas");
  private readonly pen = this.canvas.getContext("2d");
  private decoder: VideoDecoder | null = null;
  private readonly waiting: { media: Media; atMs: number }[] = [];
  private track: MediaStreamTrack | null = null;
  private keyframeNeeded = true;
  private askedMs = -Infinity;
  private bytes = 0;
  private closed = false;

  constructor(
    private readonly report: (report: Report) => void,
    private readonly began: (track: MediaStreamTrack) => void,
  ) {}

  take(media: Media): void {
    this.bytes += media.content.byteLength;
    if (media.codec === "jpeg") void this.decodePhotograph(media);
    else this.decode(media);
  }

  close(): void {
    this.closed = true;
    if (this.decoder && this.decoder.state !== "closed") this.decoder.close();
    this.decoder = null;
    this.track?.stop();
  }

  private decode(media: Media): void {
    if (media.keyframe) this.keyframeNeeded = false;
    if (this.keyframeNeeded) {
      this.done(media, performance.now());
      return;
    }
    try {
      this.decoder ??= this.begin();
      this.waiting.push({ media, atMs: performance.now() });
      const type = media.keyframe ? "key" : "delta";
      this.decoder.decode(new EncodedVideoChunk({ type, timestamp: Math.round(media.time_ms * 1000), data: media.content }));
    } catch (cause) {
      this.failed(cause);
    }
  }

  private begin(): VideoDecoder {
    const decoder = new VideoDecoder({ output: (frame) => this.decoded(frame), error: (cause) => this.failed(cause) });
    decoder.configure(VP8_DECODER);
    return decoder;
  }

  private decoded(frame: VideoFrame): void {
    const first = this.waiting.shift();
    try {
      this.show(frame, frame.displayWidth, frame.displayHeight);
    } finally {
      frame.close();
    }
    if (first) this.done(first.media, first.atMs);
  }

  private async decodePhotograph(media: Media): Promise<void> {
    const atMs = performance.now();
    this.keyframeNeeded = false;
    try {
      const picture = await createImageBitmap(new Blob([media.content], { type: "image/jpeg" }));
      this.show(picture, picture.width, picture.height);
      picture.close();
    } catch (cause) {
      console.warn("smallrtc-lab: a picture from Python could not be decoded", cause);
    }
    this.done(media, atMs);
  }

  private show(picture: CanvasImageSource, width: number, height: number): void {
    if (this.closed) return;
    if (this.canvas.width !== width || this.canvas.height !== height) [this.canvas.width, this.canvas.height] = [width, height];
    this.pen?.drawImage(picture, 0, 0, width, height);
    this.received += 1;
    if (this.track) return;
    this.track = this.canvas.captureStream().getVideoTracks()[0] ?? null;
    if (this.track) this.began(this.track);
    this.pen?.drawImage(picture, 0, 0, width, height); // the first one again: a canvas is captured when it is drawn on
  }

  private done(media: Media, atMs: number): void {
    if (this.closed) return;
    const nowMs = performance.now();
    const keyframe = this.keyframeNeeded && nowMs - this.askedMs > ASK_MS;
    if (keyframe) this.askedMs = nowMs;
    const { stream, sequence } = media;
    this.report({ kind: "report", stream, sequence, queue: this.waiting.length, received_bytes: this.bytes, age_ms: nowMs - atMs, keyframe });
  }

  private failed(cause: unknown): void {
    if (this.closed) return;
    console.warn("smallrtc-lab: a picture from Python could not be decoded; another one is asked for", cause);
    if (this.decoder && this.decoder.state !== "closed") this.decoder.close();
    this.decoder = null;
    this.keyframeNeeded = true;
    const last = this.waiting.splice(0).at(-1);
    if (last) this.done(last.media, last.atMs);
  }
}
