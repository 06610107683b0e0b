// How long the test picture takes to Python and back: its time code is looked for in what is returned.
import { readTimecode, TIMECODE_WRAP_MS } from "./timecode.ts";

const WIDTH = 120;
const HEIGHT = 80;
const KEPT = 150; // five seconds of pictures
const LONGEST_MS = 20_000;

/** The clock that the test picture shows, in milliseconds. */
export function signalTimeMs(): number {
  return Math.floor(performance.timeOrigin + performance.now()) % TIMECODE_WRAP_MS;
}

export interface EchoStats {
  echo_ms: number | null;
  echo_p95_ms: number | null;
}

export class Echo {
  private readonly video = document.createElement("video");
  private readonly pen: CanvasRenderingContext2D | null;
  private readonly ages: number[] = [];
  private open = true;

  /** `returned` is Python's picture. Nothing of it is shown. */
  constructor(returned: MediaStreamTrack) {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [WIDTH, HEIGHT];
    this.pen = canvas.getContext("2d", { willReadFrequently: true });
    this.video.muted = true;
    this.video.srcObject = new MediaStream([returned]);
    this.video.play().catch((cause: unknown) => console.info("smallrtc-lab: the returned picture does not play", cause));
    this.next();
  }

  get stats(): EchoStats {
    const sorted = [...this.ages].sort((a, b) => a - b);
    const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? null;
    return { echo_ms: at(0.5), echo_p95_ms: at(0.95) };
  }

  close(): void {
    this.open = false;
    this.video.pause();
    this.video.srcObject = null;
  }

  private next(): void {
    // Firefox has it since 132; without it nothing is measured
    if (this.open && "requestVideoFrameCallback" in this.video) this.video.requestVideoFrameCallback(() => this.look());
  }

  private look(): void {
    if (!this.open || !this.pen) return;
    const nowMs = signalTimeMs();
    this.pen.drawImage(this.video, 0, 0, WIDTH, HEIGHT);
    const shown = readTimecode(this.pen.getImageData(0, 0, WIDTH, HEIGHT));
    const ageMs = shown === null ? -1 : (nowMs - shown + TIMECODE_WRAP_MS) % TIMECODE_WRAP_MS;
    if (ageMs >= 0 && ageMs < LONGEST_MS) this.ages.push(ageMs);
    if (this.ages.length > KEPT) this.ages.shift();
    this.next();
  }
}
