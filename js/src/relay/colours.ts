// Pictures that are no YUV yet, drawn ones for example, in the colours that Python takes them for: BT.601, limited range. Left to itself
// Chromium encodes them as BT.709, full range, and VP8 does not say so.

export const COLOURS: VideoColorSpaceInit = { matrix: "smpte170m", primaries: "smpte170m", transfer: "smpte170m", fullRange: false };

/** Planes of I420; ITU-R BT.601-7, 2.5, in integers. A pixel of colour is the mean of four. */
export function toI420(rgba: Uint8ClampedArray, width: number, height: number): Uint8Array<ArrayBuffer> {
  const [across, down] = [(width + 1) >> 1, (height + 1) >> 1];
  const planes = new Uint8Array(width * height + 2 * across * down);
  for (let i = 0, at = 0; i < width * height; i++, at += 4) {
    planes[i] = ((66 * (rgba[at] ?? 0) + 129 * (rgba[at + 1] ?? 0) + 25 * (rgba[at + 2] ?? 0) + 128) >> 8) + 16;
  }
  let u = width * height;
  let v = u + across * down;
  for (let y = 0; y < height; y += 2) {
    const below = y + 1 < height ? 4 * width : 0;
    for (let x = 0; x < width; x += 2) {
      const at = 4 * (y * width + x);
      const right = x + 1 < width ? 4 : 0;
      const mean = (n: number) => ((rgba[at + n] ?? 0) + (rgba[at + right + n] ?? 0) + (rgba[at + below + n] ?? 0) + (rgba[at + below + right + n] ?? 0)) >> 2;
      const [r, g, b] = [mean(0), mean(1), mean(2)];
      planes[u++] = ((-38 * r - 74 * g + 112 * b + 128) >> 8) + 128;
      planes[v++] = ((112 * r - 94 * g - 18 * b + 128) >> 8) + 128;
    }
  }
  return planes;
}

export class Colours {
  private readonly canvas = document.createElement("canvas");
  private readonly pen = this.canvas.getContext("2d", { willReadFrequently: true });

  /** `frame`, or another one in its place, made of `source`, which it was made of. The caller closes what it gets. */
  fitting(frame: VideoFrame, source: CanvasImageSource): VideoFrame {
    if (!this.pen || !/^(RGB|BGR)/.test(frame.format ?? "")) return frame;
    const { displayWidth: codedWidth, displayHeight: codedHeight, timestamp } = frame;
    frame.close();
    if (this.canvas.width !== codedWidth || this.canvas.height !== codedHeight) [this.canvas.width, this.canvas.height] = [codedWidth, codedHeight];
    this.pen.drawImage(source, 0, 0, codedWidth, codedHeight);
    const { data } = this.pen.getImageData(0, 0, codedWidth, codedHeight);
    return new VideoFrame(toI420(data, codedWidth, codedHeight), { format: "I420", codedWidth, codedHeight, timestamp, colorSpace: COLOURS });
  }
}
