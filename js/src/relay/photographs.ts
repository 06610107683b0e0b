// Pictures without WebCodecs: ten photographs a second, JPEG, as large and as good as the path's bitrate allows.

const EVERY_MS = 100;
const WIDTH = 640;
/** Scale and quality, best first; the next is taken when a picture has more bytes than its share, the one before at half of that. */
const LEVELS = [[1, 0.8], [1, 0.6], [1, 0.4], [0.75, 0.5], [0.5, 0.5], [0.5, 0.3], [0.25, 0.4]] as const;
const MUCH = 1.2;
const LITTLE = 0.5;

export interface Photograph {
  content: Uint8Array<ArrayBuffer>;
  width: number;
  height: number;
}

/** Colours have half the size. */
const even = (length: number) => Math.max(2, 2 * Math.round(length / 2));

/** A picture of another size than its video's; the same canvas each time. */
export class Smaller {
  readonly canvas = document.createElement("canvas");
  private readonly pen = this.canvas.getContext("2d");

  draw(video: HTMLVideoElement, factor: number): HTMLCanvasElement {
    const [width, height] = [even(video.videoWidth * factor), even(video.videoHeight * factor)];
    if (this.canvas.width !== width || this.canvas.height !== height) [this.canvas.width, this.canvas.height] = [width, height];
    this.pen?.drawImage(video, 0, 0, width, height);
    return this.canvas;
  }
}

export class Photographer {
  private readonly smaller = new Smaller();
  private level = 1;
  private lastMs = -Infinity;

  /** Whether it is time for one. */
  due(nowMs: number): boolean {
    return nowMs - this.lastMs >= 0.9 * EVERY_MS;
  }

  /** At `most` of the video's size; null where the browser makes none. */
  async take(video: HTMLVideoElement, nowMs: number, bitrate: number, most = 1): Promise<Photograph | null> {
    this.lastMs = nowMs;
    const [scale, quality] = LEVELS[this.level] ?? LEVELS[0];
    const canvas = this.smaller.draw(video, scale * Math.min(most, WIDTH / video.videoWidth));
    const { width, height } = canvas;
    const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done, "image/jpeg", quality));
    if (!blob) return null;
    this.judge(blob.size, (bitrate * EVERY_MS) / 8000);
    return { content: new Uint8Array(await blob.arrayBuffer()), width, height };
  }

  private judge(bytes: number, share: number): void {
    if (bytes > MUCH * share) this.level = Math.min(LEVELS.length - 1, this.level + 1);
    else if (bytes < LITTLE * share) this.level = Math.max(0, this.level - 1);
  }
}
