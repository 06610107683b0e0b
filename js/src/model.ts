// The widget model, typed in one place. `_session` and `_options` come from Python once; the rest the page sets on its own
// model, for ipywidgets links, and never saves: Python has its own word on them.
import type { Problem } from "./errors.ts";
import type { Route, State } from "./protocol.ts";

export type Constraints = Record<string, unknown>;

export interface Options {
  audio: false | Constraints;
  video: false | Constraints;
  screen: boolean;
  start_label?: string | null;
  fallback?: null | "test-signal";
  /** The most that the page's pictures may take, within the server's limit. */
  video_bitrate_bps?: number | null;
  /** False: not even tried; media go through Jupyter. */
  webrtc?: boolean;
  /** No server extension leads to this kernel: the widget's comm does. */
  by_comm?: boolean;
}

export interface Traits {
  _session: string;
  _options: Options;
  state: State | "closed";
  route: Route | null;
  fps: number | null;
  level_db: number | null;
  error: Problem | null;
}

export type Told = "state" | "route" | "fps" | "level_db" | "error";

type Heard = (content?: unknown, buffers?: unknown) => void;

/** Custom messages of a widget and its kernel; what the kernel says may have buffers. */
export interface CommModel {
  on(event: string, callback: Heard): void;
  off(event?: string | null, callback?: Heard | null): void;
  send(content: unknown): void;
}

/** The part of anywidget's model that is used here. */
export interface Model extends CommModel {
  get<K extends keyof Traits>(name: K): Traits[K];
  set<K extends keyof Traits>(name: K, value: Traits[K]): void;
}

const DEFAULTS: Options = { audio: {}, video: {}, screen: false, start_label: null, fallback: null };

/** The options with what an older or newer kernel left out filled in. */
export function readOptions(model: Model): Options {
  return { ...DEFAULTS, ...(model.get("_options") ?? {}) };
}

/** Sets a trait on this page's model only; no `save_changes`, so no message to a kernel that may be busy. */
export function tell<K extends Told>(model: Model, name: K, value: Traits[K]): void {
  if (model.get(name) !== value) model.set(name, value);
}
