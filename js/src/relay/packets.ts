// The packets of a relay socket, the same in both directions; the layout is told in smallrtc_lab/relay/packets.py and the golden
// ones in tests/contract/relay.json are read by the tests of both languages. All numbers are big endian.

export const RELAY_VERSION = 1;

export const STREAMS = ["audio", "camera", "screen", "messages"] as const;
export type Stream = (typeof STREAMS)[number];
const CODECS = ["none", "opus", "vp8", "pcm", "jpeg"] as const;
export type Codec = "opus" | "vp8" | "pcm" | "jpeg";

export interface Media {
  kind: "media";
  stream: Stream;
  codec: Codec;
  keyframe: boolean;
  sequence: number;
  /** In 1/48000 s (sound) or 1/90000 s. */
  pts: number;
  /** The moment of capture by the sender's own clock, which all its streams share. */
  time_ms: number;
  content: Uint8Array<ArrayBuffer>;
}

/** What a receiver says of one stream; `keyframe` asks for a picture that needs no other. */
export interface Report {
  kind: "report";
  stream: Stream;
  sequence: number;
  queue: number;
  received_bytes: number;
  age_ms: number;
  keyframe: boolean;
}

export interface MessageText {
  kind: "message";
  sequence: number;
  text: string;
}

export interface Control {
  kind: "control";
  body: { type: string; [key: string]: unknown };
}

export type Packet = Media | Report | MessageText | Control;

const KINDS = { media: 1, report: 2, message: 3, control: 4 } as const;
const MEDIA_BYTES = 24;
const REPORT_BYTES = 24;
const MESSAGE_BYTES = 8;
const HEAD_BYTES = 4;
const KEYFRAME = 1;
const text = new TextEncoder();
const words = new TextDecoder("utf-8", { fatal: true });

function begin(kind: keyof typeof KINDS, size: number, stream: Stream, codec: number, flags: number): DataView<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(size));
  view.setUint8(0, KINDS[kind]);
  view.setUint8(1, STREAMS.indexOf(stream));
  view.setUint8(2, codec);
  view.setUint8(3, flags);
  return view;
}

function withBytes(view: DataView<ArrayBuffer>, at: number, content: Uint8Array): ArrayBuffer {
  new Uint8Array(view.buffer).set(content, at);
  return view.buffer;
}

export function pack(packet: Packet): ArrayBuffer {
  switch (packet.kind) {
    case "media": {
      const size = MEDIA_BYTES + packet.content.byteLength;
      const view = begin("media", size, packet.stream, CODECS.indexOf(packet.codec), packet.keyframe ? KEYFRAME : 0);
      view.setUint32(4, packet.sequence);
      view.setFloat64(8, packet.pts);
      view.setFloat64(16, packet.time_ms);
      return withBytes(view, MEDIA_BYTES, packet.content);
    }
    case "report": {
      const view = begin("report", REPORT_BYTES, packet.stream, 0, packet.keyframe ? KEYFRAME : 0);
      view.setUint32(4, packet.sequence);
      view.setUint32(8, packet.queue);
      view.setUint32(12, packet.received_bytes % 2 ** 32);
      view.setFloat64(16, packet.age_ms);
      return view.buffer;
    }
    case "message": {
      const content = text.encode(packet.text);
      const view = begin("message", MESSAGE_BYTES + content.length, "messages", 0, 0);
      view.setUint32(4, packet.sequence);
      return withBytes(view, MESSAGE_BYTES, content);
    }
    case "control": {
      const content = text.encode(JSON.stringify(packet.body));
      return withBytes(begin("control", HEAD_BYTES + content.length, "messages", 0, 0), HEAD_BYTES, content);
    }
  }
}

/** One packet, or null for bytes that are none. */
export function parse(buffer: ArrayBuffer): Packet | null {
  try {
    return parsed(new DataView(buffer));
  } catch {
    return null; // too short, no UTF-8, no JSON: the caller says so
  }
}

function parsed(view: DataView<ArrayBuffer>): Packet | null {
  const [kind, stream] = [view.getUint8(0), STREAMS[view.getUint8(1)]];
  const codec = CODECS[view.getUint8(2)];
  const keyframe = (view.getUint8(3) & KEYFRAME) !== 0;
  if (stream === undefined || codec === undefined) return null;
  switch (kind) {
    case KINDS.media:
      return parsedMedia(view, stream, codec, keyframe);
    case KINDS.report:
      if (view.byteLength !== REPORT_BYTES) return null;
      return {
        kind: "report",
        stream,
        sequence: view.getUint32(4),
        queue: view.getUint32(8),
        received_bytes: view.getUint32(12),
        age_ms: view.getFloat64(16),
        keyframe,
      };
    case KINDS.message:
      return { kind: "message", sequence: view.getUint32(4), text: words.decode(new Uint8Array(view.buffer, MESSAGE_BYTES)) };
    case KINDS.control:
      return parsedControl(words.decode(new Uint8Array(view.buffer, HEAD_BYTES)));
    default:
      return null;
  }
}

function parsedMedia(view: DataView<ArrayBuffer>, stream: Stream, codec: (typeof CODECS)[number], keyframe: boolean): Media | null {
  const fits = stream === "audio" ? codec === "opus" || codec === "pcm" : codec === "vp8" || codec === "jpeg";
  const [pts, timeMs] = [view.getFloat64(8), view.getFloat64(16)];
  if (stream === "messages" || !fits || codec === "none" || !Number.isInteger(pts) || !(Math.abs(timeMs) < 2 ** 53)) return null;
  const content = new Uint8Array(view.buffer, MEDIA_BYTES);
  return { kind: "media", stream, codec, keyframe, sequence: view.getUint32(4), pts, time_ms: timeMs, content };
}

function parsedControl(json: string): Control | null {
  const body: unknown = JSON.parse(json);
  if (typeof body !== "object" || body === null || Array.isArray(body)) return null;
  return typeof (body as { type?: unknown }).type === "string" ? { kind: "control", body: body as Control["body"] } : null;
}
