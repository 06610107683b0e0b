// What goes over the socket of one view of a plot. The engine's messages are JSON, but for pictures: a uint32 (big endian) with
// the length of a JSON header, the header, and a JPEG file.

export const PLOT_VERSION = 1;

export type Theme = "light" | "dark";
export type PlotState = "waiting" | "live" | "frozen" | "stopped" | "closed";

export interface Size {
  width: number;
  height: number;
  /** Device pixels for each CSS pixel. */
  ratio: number;
}

export type ViewMessage =
  | ({ type: "hello"; version: number; page: string; theme: Theme; visible: boolean } & Size)
  | ({ type: "size" } & Size)
  | { type: "theme"; theme: Theme }
  | { type: "visible"; visible: boolean }
  /** `ms`: from the word that a picture is coming to its last byte. */
  | { type: "ack"; n: number; ms: number }
  | { type: "pointer"; x: number | null; y: number | null }
  | { type: "freeze" | "unfreeze"; all: boolean };

export interface Welcome {
  type: "welcome";
  version: number;
  kind: string;
  title: string | null;
  width: number;
  height: number;
}

export interface Picture {
  type: "picture";
  n: number;
  width: number;
  height: number;
  css_width: number;
  css_height: number;
  jpeg: Uint8Array;
}

export type PlotMessage =
  | Welcome
  | Picture
  | { type: "state"; state: PlotState; text: string }
  | { type: "pace"; text: string }
  | { type: "problem"; text: string }
  | { type: "reading"; text: string; at: [number, number] }
  | { type: "coming"; n: number }
  | { type: "engine"; state: "here" | "absent" };

type Check = (value: unknown) => boolean;

const text: Check = (value) => typeof value === "string";
const number: Check = (value) => typeof value === "number" && Number.isFinite(value);
const oneOf = (...words: string[]): Check => (value) => typeof value === "string" && words.includes(value);

const FIELDS: Record<PlotMessage["type"], Record<string, Check>> = {
  welcome: { version: number, kind: text, width: number, height: number, title: (value) => value === null || text(value) },
  picture: { n: number, width: number, height: number, css_width: number, css_height: number },
  state: { state: oneOf("waiting", "live", "frozen", "stopped", "closed"), text },
  pace: { text },
  problem: { text },
  reading: { text, at: (value) => Array.isArray(value) && value.length === 2 && value.every(number) },
  coming: { n: number },
  engine: { state: oneOf("here", "absent") },
};

function checked(value: unknown): PlotMessage | null {
  if (typeof value !== "object" || value === null) return null;
  const { type } = value as { type?: unknown };
  if (typeof type !== "string" || !Object.hasOwn(FIELDS, type)) return null;
  const fields = Object.entries(FIELDS[type as PlotMessage["type"]]);
  return fields.every(([name, check]) => check((value as Record<string, unknown>)[name])) ? (value as PlotMessage) : null;
}

function unpacked(bytes: ArrayBuffer): PlotMessage | null {
  if (bytes.byteLength < 4) return null;
  const end = 4 + new DataView(bytes).getUint32(0);
  if (end > bytes.byteLength) return null;
  const header = checked(JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 4, end - 4))));
  return header?.type === "picture" ? { ...header, jpeg: new Uint8Array(bytes, end) } : null;
}

/** The same by the widget's comm: a header as it is, and the file of a picture as the first buffer. */
export function readByComm(message: unknown, buffers: unknown): PlotMessage | null {
  const header = checked(message);
  if (header?.type !== "picture") return header;
  const [file] = Array.isArray(buffers) ? (buffers as unknown[]) : [];
  if (!ArrayBuffer.isView(file)) return null;
  return { ...header, jpeg: new Uint8Array(file.buffer as ArrayBuffer, file.byteOffset, file.byteLength) };
}

/** One message of the engine's, or null for what is none: an unknown one is not an error, it is newer. */
export function parsePlotMessage(raw: unknown): PlotMessage | null {
  try {
    if (raw instanceof ArrayBuffer) return unpacked(raw);
    const message = typeof raw === "string" ? checked(JSON.parse(raw)) : null;
    return message?.type === "picture" ? null : message; // a picture without pixels
  } catch {
    return null; // not JSON: the caller says so
  }
}
