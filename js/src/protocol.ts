// The session socket's messages as one tagged union, and the runtime check of what arrives. The golden examples are in
// tests/contract/session_socket.json. The data channel's own few words are at the end.
import type { Problem } from "./errors.ts";

export const VERSION = 1;

export type State = "idle" | "asking" | "connecting" | "live" | "reconnecting" | "failed";
export type Route = "direct" | "turn" | "relay";
/** `simulation`: no page's, while `lab.simulate()` runs. */
export type Owner = "nobody" | "you" | "another" | "simulation";
export type ProcessorState = "running" | "late" | "failed";
export type ControlValue = number | string | boolean;

export type Control =
  | { type: "range"; min: number; max: number; step: number; value: number }
  | { type: "choice"; options: (string | number)[]; value: string | number }
  | { type: "bool"; value: boolean };

export interface Processor {
  name: string;
  state: ProcessorState;
  controls: Record<string, Control>;
}

export interface Limits {
  max_width: number;
  max_height: number;
  max_frame_rate: number;
  max_bitrate_bps: number;
  /** Of the page's sound; only where a place allows little. */
  max_sound_bps?: number | undefined;
  max_connections: number;
  max_message_bytes: number;
}

export interface IceServer {
  urls: string | string[];
  username?: string;
  credential?: string;
}

export interface PageStats {
  fps: number | null;
  width: number | null;
  height: number | null;
  rtt_ms: number | null;
  bitrate_bps: number | null;
  loss: number | null;
  route: Route | null;
  /** Why fewer pictures are sent than the camera gives; null or not there: they are not. */
  slowed?: "hidden" | null;
}

type TrackSettings = Record<string, unknown> | null;

export type PageMessage =
  | { type: "hello"; version: number; page: string; visible: boolean }
  | { type: "status"; state: State; error: Problem | null }
  | { type: "settings"; audio: TrackSettings; video: TrackSettings; screen: TrackSettings }
  | ({ type: "stats"; listening?: boolean; echo_ms?: number | null; echo_p95_ms?: number | null } & PageStats)
  | { type: "visible"; visible: boolean }
  | { type: "control"; callback: string; name: string; value: ControlValue }
  | { type: "claim" }
  | Diagnosis;

export type Permission = "granted" | "denied" | "prompt" | "unknown";

/** What the page found out when it was asked. `pairs` are kinds of candidates, never addresses. */
export interface Diagnosis {
  type: "diagnosis";
  id: number;
  secure: boolean;
  host: string;
  browser: string;
  media_devices: boolean;
  webrtc: boolean;
  web_codecs: boolean;
  camera: Permission;
  microphone: Permission;
  cameras: number;
  microphones: number;
  pairs: { local: string; remote: string; protocol: string; state: string }[];
}

export interface Welcome {
  type: "welcome";
  version: number;
  ice_servers: IceServer[];
  limits: Partial<Limits>;
  started: boolean;
  /** The kernel sits where WebRTC finds nothing in most cases: a relay is opened with the click. */
  relay_at_once?: boolean;
}

export interface Trouble {
  type: "problem";
  code: string;
  message: string;
  next_step: string | null;
  detail: string | null;
  count: number;
}

export interface EngineStats {
  type: "stats";
  video_fps: number | null;
  audio_loss: number | null;
  delay_ms: number | null;
  dropped: number | null;
  /** What follows an older engine does not tell. */
  received_bps?: number | null;
  sent_bps?: number | null;
  video_loss?: number | null;
  network_ms?: number | null;
  hand_over_ms?: number | null;
  callback_ms?: number | null;
  returned_fps?: number | null;
  /** What was left out since the beginning, by reason. */
  drops?: Record<string, number>;
}

/** What Python asks of the camera, to hold its delay: a factor of width and height, and no more pictures a second than that. */
export interface Asked {
  scale: number;
  max_frame_rate: number | null;
}

export type EngineMessage =
  | Welcome
  | { type: "ice-servers"; ice_servers: IceServer[] }
  | { type: "diagnose"; id: number }
  | { type: "command"; command: "start" | "stop" }
  | { type: "owner"; who: Owner }
  | { type: "processors"; video: Processor | null; audio: Processor | null }
  | Trouble
  | { type: "values"; values: Record<string, unknown> }
  | { type: "log"; text: string }
  | EngineStats
  | ({ type: "ask" } & Asked)
  | { type: "engine"; state: "here" | "absent" };

type Check = (value: unknown) => boolean;
type Fields = Record<string, Check>;

const text: Check = (value) => typeof value === "string";
const number: Check = (value) => typeof value === "number" && Number.isFinite(value);
const bool: Check = (value) => typeof value === "boolean";
const record: Check = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const orNull = (check: Check): Check => (value) => value === null || check(value);
const optional = (check: Check): Check => (value) => value === undefined || value === null || check(value);
const oneOf = (...words: string[]): Check => (value) => typeof value === "string" && words.includes(value);
const shape = (fields: Fields): Check => (value) =>
  record(value) && Object.entries(fields).every(([key, check]) => check((value as Record<string, unknown>)[key]));
const every = (check: Check): Check => (value) => record(value) && Object.values(value as object).every(check);

const choiceValue: Check = (value) => text(value) || number(value);
const controls: Record<string, Check> = {
  range: shape({ min: number, max: number, step: number, value: number }),
  choice: shape({ options: (value) => Array.isArray(value) && value.every(choiceValue), value: choiceValue }),
  bool: shape({ value: bool }),
};
const control: Check = (value) => record(value) && (controls[(value as { type: string }).type]?.(value) ?? false);
const processor = shape({ name: text, state: oneOf("running", "late", "failed"), controls: every(control) });
const problem = shape({ code: text, message: text, next_step: orNull(text) });
const iceServer = shape({
  urls: (value) => text(value) || (Array.isArray(value) && value.every(text)),
  username: optional(text),
  credential: optional(text),
});

const iceServers: Check = (value) => Array.isArray(value) && value.every(iceServer);

const FROM_ENGINE: Record<EngineMessage["type"], Fields> = {
  welcome: {
    version: number,
    ice_servers: iceServers,
    limits: every(number),
    started: bool,
    relay_at_once: optional(bool),
  },
  "ice-servers": { ice_servers: iceServers },
  diagnose: { id: number },
  command: { command: oneOf("start", "stop") },
  owner: { who: oneOf("nobody", "you", "another", "simulation") },
  processors: { video: orNull(processor), audio: orNull(processor) },
  problem: { code: text, message: text, next_step: orNull(text), detail: orNull(text), count: number },
  values: { values: record },
  log: { text },
  ask: { scale: (value) => number(value) && (value as number) > 0 && (value as number) <= 1, max_frame_rate: orNull(number) },
  stats: {
    video_fps: orNull(number),
    audio_loss: orNull(number),
    delay_ms: orNull(number),
    dropped: orNull(number),
    ...Object.fromEntries(["received_bps", "sent_bps", "video_loss", "network_ms", "hand_over_ms", "callback_ms", "returned_fps"].map((name) => [name, optional(number)])),
    drops: optional(every(number)),
  },
  engine: { state: oneOf("here", "absent") },
};

const permission = oneOf("granted", "denied", "prompt", "unknown");

const FROM_PAGE: Record<PageMessage["type"], Fields> = {
  hello: { version: number, page: text, visible: bool },
  status: { state: oneOf("idle", "asking", "connecting", "live", "reconnecting", "failed"), error: orNull(problem) },
  settings: { audio: orNull(record), video: orNull(record), screen: orNull(record) },
  stats: {
    fps: orNull(number),
    width: orNull(number),
    height: orNull(number),
    rtt_ms: orNull(number),
    bitrate_bps: orNull(number),
    loss: orNull(number),
    route: orNull(oneOf("direct", "turn", "relay")),
    slowed: optional(oneOf("hidden")),
    listening: optional(bool),
    echo_ms: optional(number),
    echo_p95_ms: optional(number),
  },
  visible: { visible: bool },
  control: { callback: text, name: text, value: (value) => text(value) || number(value) || bool(value) },
  claim: {},
  diagnosis: {
    id: number,
    secure: bool,
    host: text,
    browser: text,
    media_devices: bool,
    webrtc: bool,
    web_codecs: bool,
    camera: permission,
    microphone: permission,
    cameras: number,
    microphones: number,
    pairs: (value) => Array.isArray(value) && value.every(shape({ local: text, remote: text, protocol: text, state: text })),
  },
};

function checked(fields: Record<string, Fields>, value: unknown): boolean {
  if (!record(value)) return false;
  const { type } = value as { type: unknown };
  if (typeof type !== "string" || !Object.hasOwn(fields, type)) return false;
  return shape(fields[type] ?? {})(value);
}

export function isEngineMessage(value: unknown): value is EngineMessage {
  return checked(FROM_ENGINE, value);
}

export function isIceServer(value: unknown): value is IceServer {
  return iceServer(value);
}

export function isPageMessage(value: unknown): value is PageMessage {
  return checked(FROM_PAGE, value);
}

/** One text of the session socket, or null for what is no message of ours: an unknown one is not an error, it is newer. */
export function parseEngineMessage(raw: unknown): EngineMessage | null {
  if (typeof raw !== "string") return null;
  try {
    const value: unknown = JSON.parse(raw);
    return isEngineMessage(value) ? value : null;
  } catch {
    return null; // not JSON: the caller counts it
  }
}

/** What the data channel says about itself, apart from the application's messages (SmallWebRTC protocol). */
export type Signalling =
  | { type: "trackStatus"; receiver_index: 0 | 1 | 2; enabled: boolean }
  | { type: "renegotiate" }
  | { type: "peerLeft" };

export type ChannelMessage = { kind: "signalling"; message: Signalling } | { kind: "application"; message: unknown };

/** One text of the data channel. Anything that is JSON and not signalling belongs to the application. */
export function parseChannelMessage(raw: unknown): ChannelMessage | null {
  if (typeof raw !== "string" || raw.startsWith("ping:")) return null;
  try {
    const value: unknown = JSON.parse(raw);
    if (record(value) && (value as { type: unknown }).type === "signalling") {
      const { message } = value as { message: unknown };
      return record(message) ? { kind: "signalling", message: message as Signalling } : null;
    }
    return { kind: "application", message: value };
  } catch {
    return null; // not JSON: the caller counts it
  }
}
