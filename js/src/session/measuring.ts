// The figures of the way that carries, once a second while live: shown in the page and told to Python.
import { every } from "../media/ticker.ts";
import type { CallContext } from "./call.ts";
import type { Ladder } from "./ladder.ts";
import type { Returning } from "./returning.ts";

const STATS_MS = 1000;
/** A page that stood still is called several times at once: rates over a moment would mean nothing. */
const LEAST_MS = 500;

export class Measuring {
  private stop: (() => void) | null = null;
  private lastMs = -Infinity;

  constructor(
    private readonly context: CallContext,
    private readonly ladder: Ladder,
    private readonly returning: Returning,
    private readonly signal: AbortSignal,
  ) {}

  begin(): void {
    this.close();
    this.stop = every(STATS_MS, () => void this.measure());
  }

  close(): void {
    this.stop?.();
    this.stop = null;
  }

  private async measure(): Promise<void> {
    const { store, tell } = this.context;
    const { peer } = this.ladder;
    const nowMs = performance.now();
    if (!peer || store.now.state !== "live" || nowMs - this.lastMs < LEAST_MS) return;
    this.lastMs = nowMs;
    const stats = await peer.stats();
    if (this.signal.aborted || store.now.state !== "live" || peer !== this.ladder.peer) return;
    store.set({ stats });
    tell({ type: "stats", ...stats, listening: store.now.listening === "on", ...this.returning.followEcho()?.stats });
  }
}
