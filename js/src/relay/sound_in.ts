// Python's sound on its way in: decoded, and posted as blocks of samples to the audio thread, which plays them.
import { OPUS_DECODER } from "./abilities.ts";
import type { Media, Report } from "./packets.ts";

const REPORT_EVERY = 5;

type Block = [Float32Array<ArrayBuffer>, Float32Array<ArrayBuffer>];

export class SoundIn {
  private decoder: AudioDecoder | null = null;
  private received = 0;
  private bytes = 0;
  private closed = false;

  constructor(
    private readonly player: MessagePort,
    private readonly report: (report: Report) => void,
    private readonly began: () => void,
  ) {}

  take(media: Media): void {
    this.bytes += media.content.byteLength;
    this.received += 1;
    if (this.received === 1) this.began();
    if (media.codec === "pcm") this.play(separated(media.content));
    else this.decode(media);
    const { sequence } = media;
    if (sequence % REPORT_EVERY === 0) this.report({ kind: "report", stream: "audio", sequence, queue: 0, received_bytes: this.bytes, age_ms: 0, keyframe: false });
  }

  close(): void {
    this.closed = true;
    this.player.close();
    this.dropDecoder();
  }

  private decode(media: Media): void {
    try {
      this.decoder ??= this.begin();
      const timestamp = Math.round((media.pts * 1e6) / OPUS_DECODER.sampleRate);
      this.decoder.decode(new EncodedAudioChunk({ type: "key", timestamp, data: media.content }));
    } catch (cause) {
      this.failed(cause);
    }
  }

  private begin(): AudioDecoder {
    const decoder = new AudioDecoder({ output: (sound) => this.decoded(sound), error: (cause) => this.failed(cause) });
    decoder.configure(OPUS_DECODER);
    return decoder;
  }

  private decoded(sound: AudioData): void {
    const channels = [0, Math.min(1, sound.numberOfChannels - 1)].map((planeIndex) => {
      const samples = new Float32Array(sound.numberOfFrames);
      sound.copyTo(samples, { planeIndex, format: "f32-planar" });
      return samples;
    });
    sound.close();
    this.play(channels as Block);
  }

  private play(block: Block): void {
    if (!this.closed) this.player.postMessage(block, [block[0].buffer, block[1].buffer]);
  }

  private failed(cause: unknown): void {
    if (this.closed) return;
    console.warn("smallrtc-lab: sound from Python could not be decoded", cause);
    this.dropDecoder();
  }

  private dropDecoder(): void {
    if (this.decoder && this.decoder.state !== "closed") this.decoder.close();
    this.decoder = null;
  }
}

/** Left and right of s16 little endian in turn. */
export function separated(content: Uint8Array): Block {
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  const count = content.byteLength >> 2;
  const channel = (first: number) => Float32Array.from({ length: count }, (_, index) => view.getInt16(4 * index + first, true) / 32768);
  return [channel(0), channel(2)];
}
