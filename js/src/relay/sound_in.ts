// Python's sound on its way in: decoded, played by an AudioWorklet into a track, which is listened to as any other.
import { OPUS_DECODER } from "./abilities.ts";
import type { Media, Report } from "./packets.ts";

const REPORT_EVERY = 5;

export class SoundIn {
  received = 0;
  private readonly node: AudioWorkletNode;
  private readonly out: MediaStreamAudioDestinationNode;
  private decoder: AudioDecoder | null = null;
  private bytes = 0;
  private closed = false;

  constructor(
    context: AudioContext,
    private readonly report: (report: Report) => void,
    private readonly began: (track: MediaStreamTrack) => void,
  ) {
    this.out = new MediaStreamAudioDestinationNode(context, { channelCount: 2 });
    this.node = new AudioWorkletNode(context, "relay-player", { numberOfInputs: 0, outputChannelCount: [2] });
    this.node.connect(this.out);
  }

  take(media: Media): void {
    this.bytes += media.content.byteLength;
    this.received += 1;
    if (this.received === 1) for (const track of this.out.stream.getAudioTracks()) this.began(track);
    if (media.codec === "pcm") this.play(separated(media.content));
    else this.decode(media);
    const { sequence } = media;
    if (sequence % REPORT_EVERY === 0) this.report({ kind: "report", stream: "audio", sequence, queue: 0, received_bytes: this.bytes, age_ms: 0, keyframe: false });
  }

  close(): void {
    this.closed = true;
    this.node.port.postMessage(null);
    this.node.disconnect();
    if (this.decoder && this.decoder.state !== "closed") this.decoder.close();
    this.decoder = null;
    for (const track of this.out.stream.getTracks()) track.stop();
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
    this.play(channels as [Float32Array<ArrayBuffer>, Float32Array<ArrayBuffer>]);
  }

  private play(block: [Float32Array<ArrayBuffer>, Float32Array<ArrayBuffer>]): void {
    if (!this.closed) this.node.port.postMessage(block, [block[0].buffer, block[1].buffer]);
  }

  private failed(cause: unknown): void {
    if (this.closed) return;
    console.warn("smallrtc-lab: sound from Python could not be decoded", cause);
    if (this.decoder && this.decoder.state !== "closed") this.decoder.close();
    this.decoder = null;
  }
}

/** Left and right of s16 little endian in turn. */
export function separated(content: Uint8Array): [Float32Array<ArrayBuffer>, Float32Array<ArrayBuffer>] {
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  const count = content.byteLength >> 2;
  const channel = (first: number) => Float32Array.from({ length: count }, (_, index) => view.getInt16(4 * index + first, true) / 32768);
  return [channel(0), channel(2)];
}
