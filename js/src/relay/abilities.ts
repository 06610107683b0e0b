// What this browser can encode and decode. Without WebCodecs pictures go as JPEG and sound as samples, over the same socket.
import { COLOURS } from "./colours.ts";

export interface Abilities {
  encodesVideo: boolean;
  encodesAudio: boolean;
  decodesVideo: boolean;
  decodesAudio: boolean;
}

export const OPUS_DECODER: AudioDecoderConfig = { codec: "opus", sampleRate: 48_000, numberOfChannels: 2 };
export const VP8_DECODER: VideoDecoderConfig = { codec: "vp8", optimizeForLatency: true, colorSpace: COLOURS };

export function pictureConfig(width: number, height: number, bitrate: number): VideoEncoderConfig {
  return { codec: "vp8", width, height, bitrate, latencyMode: "realtime", bitrateMode: "constant" };
}

/** Opus as WebCodecs has it; a browser that knows no `opus` member ignores it, and its packets last 20 ms by default. */
export function soundConfig(bitrate: number): AudioEncoderConfig {
  const opus = { frameDuration: 20_000, application: "lowdelay" };
  return { codec: "opus", sampleRate: 48_000, numberOfChannels: 2, bitrate, opus } as AudioEncoderConfig;
}

async function supported(check: () => Promise<{ supported?: boolean }>): Promise<boolean> {
  try {
    return (await check()).supported === true;
  } catch {
    return false; // no such class, or a member it does not take
  }
}

export async function findAbilities(): Promise<Abilities> {
  const [encodesVideo, encodesAudio, decodesVideo, decodesAudio] = await Promise.all([
    supported(() => VideoEncoder.isConfigSupported(pictureConfig(640, 480, 600_000))),
    supported(() => AudioEncoder.isConfigSupported(soundConfig(64_000))),
    supported(() => VideoDecoder.isConfigSupported(VP8_DECODER)),
    supported(() => AudioDecoder.isConfigSupported(OPUS_DECODER)),
  ]);
  return { encodesVideo, encodesAudio, decodesVideo, decodesAudio };
}
