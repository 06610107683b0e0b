// Where the session stands: one immutable snapshot in one store, the moves that are allowed, and the sentences for them.
import type { Problem } from "./errors.ts";
import { PROBLEMS } from "./errors.ts";
import type { Asked, EngineStats, Owner, PageStats, Processor, State, Trouble } from "./protocol.ts";

/** How the page stands with the engine, over the session socket. `none`: a page without a Jupyter server. */
export type Link = "none" | "opening" | "open" | "absent" | "lost";
/** `muted`: switched off by the person; `off`: not part of this session or not open. */
export type SourceState = "off" | "opening" | "on" | "muted" | "test";

export interface Device {
  id: string;
  label: string;
}

export interface Choices {
  camera: Device[];
  microphone: Device[];
  speaker: Device[];
}

export interface Snapshot {
  state: State;
  link: Link;
  /** Whose devices are open: this page's, another's of the same notebook, nobody's, or a simulated browser is live. */
  owner: Owner;
  error: Problem | null;
  /** A plain hint that is no problem: Python asks for the camera; a device was unplugged. */
  notice: string | null;
  /** Python asked for start() and waits for this page's click. */
  wanted: boolean;
  /** What media go through that find no way of their own, in words. */
  relay: string;
  /** What Start opens, in words; null for a session that only receives. */
  opens: string | null;
  audio: SourceState;
  camera: SourceState;
  screen: SourceState;
  preview: MediaStream | null;
  shared: MediaStream | null;
  returned: MediaStream | null;
  /** Pictures of Python's are arriving. */
  returnedVideo: boolean;
  listening: "off" | "on" | "blocked";
  processors: { video: Processor | null; audio: Processor | null };
  stats: PageStats | null;
  engineStats: EngineStats | null;
  /** What Python asks of the camera, to hold its delay. */
  asked: Asked | null;
  troubles: readonly Trouble[];
  values: Readonly<Record<string, unknown>>;
  log: readonly string[];
  logDropped: number;
  choices: Choices;
  chosen: { camera: string | null; microphone: string | null; speaker: string | null };
}

export const FIRST: Snapshot = {
  state: "idle",
  link: "opening",
  owner: "nobody",
  error: null,
  notice: null,
  wanted: false,
  relay: "Jupyter",
  opens: "camera and microphone",
  audio: "off",
  camera: "off",
  screen: "off",
  preview: null,
  shared: null,
  returned: null,
  returnedVideo: false,
  listening: "off",
  processors: { video: null, audio: null },
  stats: null,
  engineStats: null,
  asked: null,
  troubles: [],
  values: {},
  log: [],
  logDropped: 0,
  choices: { camera: [], microphone: [], speaker: [] },
  chosen: { camera: null, microphone: null, speaker: null },
};

const MOVES: Record<State, readonly State[]> = {
  idle: ["asking", "connecting", "failed"],
  asking: ["connecting", "idle", "failed"],
  connecting: ["live", "idle", "failed"],
  live: ["reconnecting", "idle", "failed"],
  reconnecting: ["live", "idle", "failed"],
  failed: ["asking", "connecting", "reconnecting", "idle"],
};

export function mayMove(from: State, to: State): boolean {
  return from === to || MOVES[from].includes(to);
}

export const LOG_LINES = 200;
const TROUBLES = 20;

export type Listener = (now: Snapshot, before: Snapshot) => void;

export class Store {
  private current: Snapshot;
  private readonly listeners = new Set<Listener>();

  constructor(first: Snapshot = FIRST) {
    this.current = first;
  }

  get now(): Snapshot {
    return this.current;
  }

  /** Changes some fields and tells the listeners. A move the state machine does not know is a fault of ours and raises. */
  set(change: Partial<Snapshot>): void {
    const before = this.current;
    if (change.state !== undefined && !mayMove(before.state, change.state)) {
      throw new Error(`no way from ${before.state} to ${change.state}`);
    }
    this.current = { ...before, ...change };
    for (const listener of [...this.listeners]) listener(this.current, before);
  }

  subscribe(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}

/** The same code replaces, count 0 removes; bounded, the oldest goes first. */
export function withTrouble(troubles: readonly Trouble[], next: Trouble): Trouble[] {
  if (next.count <= 0) return troubles.filter((one) => one.code !== next.code);
  const at = troubles.findIndex((one) => one.code === next.code);
  const changed = at < 0 ? [...troubles, next] : troubles.map((one, i) => (i === at ? next : one));
  return changed.slice(-TROUBLES);
}

export function withLine(now: Snapshot, text: string): Partial<Snapshot> {
  const lines = [...now.log, ...text.replace(/\n$/, "").split("\n")];
  const over = Math.max(0, lines.length - LOG_LINES);
  return { log: lines.slice(over), logDropped: now.logDropped + over };
}

/** Everything that belongs to one connection, back at its beginning. Problems, values and the log stay to be read. */
export function ended(): Partial<Snapshot> {
  return {
    audio: "off",
    camera: "off",
    screen: "off",
    preview: null,
    shared: null,
    returned: null,
    returnedVideo: false,
    listening: "off",
    stats: null,
    engineStats: null,
    notice: null,
  };
}

export type Tone = "quiet" | "busy" | "live" | "bad";

export interface Line {
  tone: Tone;
  text: string;
}

/** The way media takes, in plain words. */
const WAYS: Readonly<Record<string, string>> = { direct: "direct", turn: "through a TURN server" };

/** How media come and go, in words; empty while that is not known. */
export function wayText({ stats, relay }: Snapshot): string {
  if (!stats?.route) return "";
  return stats.route === "relay" ? `through ${relay}` : (WAYS[stats.route] ?? stats.route);
}

function liveText(now: Snapshot): string {
  const { stats } = now;
  const delay = stats?.rtt_ms == null ? "" : `${Math.max(1, Math.round(stats.rtt_ms))}\u00a0ms`;
  const parts = [now.camera === "test" || now.audio === "test" ? "Live with a test signal" : "Live"];
  const way = [wayText(now), delay].filter(Boolean).join(", ");
  if (way) parts.push(way);
  const sends = [now.camera, now.screen].some((one) => one === "on" || one === "test");
  if (sends && stats?.width && stats.height) parts.push(`${stats.width}×${stats.height}`);
  if (sends && stats?.fps != null) parts.push(`${Math.round(stats.fps)}/s`);
  if (stats?.slowed === "hidden") parts.push("fewer pictures while the tab is hidden");
  return parts.join(" · ");
}

function asked(now: Snapshot): string {
  if (now.camera === "opening" || now.audio === "opening") {
    return "Asking for permission: look for the question near the address bar";
  }
  return "Preparing…";
}

/** The status line in plain words. */
export function statusLine(now: Snapshot): Line {
  if (now.link === "none") return { tone: "quiet", text: "Live media needs a running kernel" };
  switch (now.state) {
    case "asking":
      return { tone: "busy", text: asked(now) };
    case "connecting":
      return { tone: "busy", text: "Connecting…" };
    case "live":
      return { tone: "live", text: liveText(now) };
    case "reconnecting":
      return { tone: "busy", text: "Interrupted. Reconnecting…" };
    case "failed":
    case "idle":
      return idleLine(now);
  }
}

function idleLine(now: Snapshot): Line {
  if (now.error?.code === PROBLEMS.unreachable.code) return { tone: "busy", text: "Waiting for the Jupyter server…" };
  if (isQuiet(now.error)) return { tone: "quiet", text: sentence(now.error) };
  if (now.owner === "another") return { tone: "quiet", text: "Live in another tab" };
  if (now.error) return { tone: "bad", text: "Not live" };
  if (now.wanted) return { tone: "busy", text: `Python asks for your ${now.opens ?? "attention"}: click Start` };
  if (now.link === "opening") return { tone: "busy", text: "Waiting for Python…" };
  if (now.link === "lost") return { tone: "busy", text: "Waiting for the Jupyter server…" };
  if (now.owner === "simulation") {
    return { tone: "quiet", text: `A simulated browser is live: lab.simulate(). Start takes over${now.opens ? ` with your ${now.opens}` : ""}.` };
  }
  return { tone: "quiet", text: now.opens ? `Ready: Start opens your ${now.opens}` : "Ready: receives only, opens no device" };
}

const QUIET = new Set<string>([PROBLEMS.kernelGone, PROBLEMS.serverRestarted, PROBLEMS.savedView, PROBLEMS.engineLost].map(({ code }) => code));

/** An end that is nobody's fault is told in the status line; it needs no panel. */
export function isQuiet(error: Problem | null): error is Problem {
  return error !== null && QUIET.has(error.code);
}

function sentence(problem: Problem): string {
  return [problem.message, problem.next_step].filter(Boolean).join(" ");
}

/** What a screen reader hears: the line without its figures, so that it speaks on changes only. */
export function spokenLine(now: Snapshot): string {
  if (now.error) return sentence(now.error);
  const spoken = statusLine(now).text.split(" · ")[0] ?? "";
  const ended = now.notice && !spoken.endsWith("…") ? `${spoken}.` : spoken;
  return [ended, now.notice].filter(Boolean).join(" ");
}

/** The caption of the returned picture: whose result is seen. */
export function returnedCaption(processor: Processor | null, other: string): string {
  if (!processor) return `From ${other}`;
  if (processor.state === "late") return `From Python: ${processor.name} is too slow, unprocessed`;
  if (processor.state === "failed") return `From Python: ${processor.name} failed, unprocessed`;
  return `From Python: ${processor.name}`;
}
