// The microphone on its way out: blocks of 20 ms from the audio thread, Opus where the browser has it, else samples.
import { soundConfig } from "./abilities.ts";
import type { Media, Report } from "./packets.ts";
import { SendWindow } from "./window.ts";
import type { Recorded } from "./wire_work.ts";
import { BLOCK, RATE_HZ } from "./worklets.ts";

/** The clock of the sound card against the page's: what came soonest tells, and it may drift by so much (parts of one). */
const DRIFT = 1e-4;
/** Two seconds of blocks of 20 ms: what is not acknowledged then is not caught up any more; it is left out, and Python sees the gap. */
const MOST_UNDER_WAY = 100;

/** An encoder that fails so often without a packet between does not work here. */
const MOST_FAILURES = 3;

export class SoundOut {
  private readonly window = new SendWindow(MOST_UNDER_WAY);
  private encoder: AudioEncoder | null = null;
  private nextPts: number | null = null;
  private offsetMs: number | null = null;
  private failures = 0;
  private closed = false;

  /** `nowMs` is the page's clock, which its pictures have, too. */
  constructor(
    private readonly recording: Recorded,
    private readonly send: (media: Media) => void,
    private readonly nowMs: () => number,
  ) {
    recording.port.onmessage = ({ data }) => this.recorded(data as [Float32Array, Float32Array]);
  }

  reported(report: Report): void {
    this.window.acknowledge(report.sequence, this.nowMs());
  }

  close(): void {
    this.closed = true;
    this.recording.port.close();
    this.dropEncoder();
  }

  private recorded(block: [Float32Array, Float32Array]): void {
    const nowMs = this.nowMs();
    this.nextPts ??= Math.round(((nowMs * RATE_HZ) / 1000 - BLOCK) / BLOCK) * BLOCK; // another microphone goes on after the one before
    const pts = this.nextPts;
    this.nextPts += BLOCK;
    this.follow(nowMs - ((pts + BLOCK) * 1000) / RATE_HZ);
    if (this.closed || !this.window.hasRoom(nowMs)) return;
    if (this.recording.encodes) this.encode(block, pts);
    else this.go("pcm", interleaved(block), pts);
  }

  /** Which moment of the page's clock the sample of pts 0 belongs to, at the latest. */
  private follow(offsetMs: number): void {
    const drifted = (this.offsetMs ?? offsetMs) + (DRIFT * BLOCK * 1000) / RATE_HZ;
    this.offsetMs = Math.min(offsetMs, drifted);
  }

  private encode(block: [Float32Array, Float32Array], pts: number): void {
    const planar = new Float32Array(2 * BLOCK);
    planar.set(block[0]);
    planar.set(block[1], BLOCK);
    const timestamp = Math.round((pts * 1e6) / RATE_HZ);
    const sound = new AudioData({ format: "f32-planar", sampleRate: RATE_HZ, numberOfFrames: BLOCK, numberOfChannels: 2, timestamp, data: planar });
    try {
      this.encoder ??= this.begin();
      this.encoder.encode(sound);
    } catch (cause) {
      this.failed(cause);
    } finally {
      sound.close();
    }
  }

  private begin(): AudioEncoder {
    const encoder = new AudioEncoder({ output: (chunk) => this.encoded(chunk), error: (cause) => this.failed(cause) });
    encoder.configure(soundConfig(this.recording.bitrate));
    return encoder;
  }

  private encoded(chunk: EncodedAudioChunk): void {
    this.failures = 0;
    const content = new Uint8Array(chunk.byteLength);
    chunk.copyTo(content);
    this.go("opus", content, Math.round((chunk.timestamp * RATE_HZ) / 1e6));
  }

  private go(codec: "opus" | "pcm", content: Uint8Array<ArrayBuffer>, pts: number): void {
    if (this.closed) return;
    const sequence = this.window.sent(this.nowMs(), content.byteLength);
    const timeMs = (this.offsetMs ?? this.nowMs()) + (pts * 1000) / RATE_HZ;
    this.send({ kind: "media", stream: "audio", codec, keyframe: true, sequence, pts, time_ms: timeMs, content });
  }

  private failed(cause: unknown): void {
    if (this.closed) return;
    this.failures += 1;
    this.dropEncoder();
    if (this.failures < MOST_FAILURES) console.warn("smallrtc-lab: the browser's sound encoder failed and is made anew", cause);
    else {
      console.warn("smallrtc-lab: the browser's sound encoder does not work; sound goes as samples", cause);
      this.recording.encodes = false;
    }
  }

  private dropEncoder(): void {
    if (this.encoder && this.encoder.state !== "closed") this.encoder.close();
    this.encoder = null;
  }
}

/** s16 little endian, left and right in turn. */
export function interleaved([left, right]: [Float32Array, Float32Array]): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(4 * left.length));
  const put = (at: number, value: number) => view.setInt16(at, Math.round(32767 * Math.min(1, Math.max(-1, value))), true);
  left.forEach((value, index) => {
    put(4 * index, value);
    put(4 * index + 2, right[index] ?? value);
  });
  return new Uint8Array(view.buffer);
}
