// How many bits a second a stream of pictures may have, from what was acknowledged and how the round trip grew: the rules of
// smallrtc_lab/relay/bitrate.py, where a slow path is simulated with them.
import type { Acknowledged } from "./window.ts";

const INTERVAL_MS = 500;
const QUEUED_MS = 80;
const CLEAR_MS = 40;
const FALL = 0.8;
const CLIMB = 1.06;
const USED = 0.6;
const REST_MS = 2000;
const LEAST_BPS = 80_000;
/** Where nobody asked for anything. */
export const MOST_BPS = 2_500_000;

export class BitrateControl {
  targetBps: number;
  private begunMs: number | null = null;
  private bytes = 0;
  private queuedMs = Infinity;
  private fellMs = -Infinity;

  constructor(
    startBps: number,
    private mostBps: number = MOST_BPS,
  ) {
    this.targetBps = Math.min(startBps, mostBps);
  }

  /** What is wanted is the most, within a limit; half of it is the least to begin with, until the path says no. */
  use(wantedBps: number | null, limitBps: number = Infinity): void {
    const mostBps = Math.min(wantedBps ?? MOST_BPS, limitBps);
    if (mostBps === this.mostBps) return;
    this.mostBps = mostBps;
    if (wantedBps !== null && this.fellMs === -Infinity) this.targetBps = Math.max(this.targetBps, Math.floor(mostBps / 2));
    this.targetBps = Math.min(this.targetBps, mostBps);
  }

  acknowledged(told: Acknowledged, nowMs: number): void {
    this.begunMs ??= nowMs;
    this.bytes += told.freedBytes;
    this.queuedMs = Math.min(this.queuedMs, told.queuedMs);
    if (nowMs - this.begunMs < INTERVAL_MS) return;
    this.judge((8000 * this.bytes) / (nowMs - this.begunMs), nowMs);
    this.begunMs = nowMs;
    this.bytes = 0;
    this.queuedMs = Infinity;
  }

  private judge(throughBps: number, nowMs: number): void {
    if (this.queuedMs > QUEUED_MS) {
      this.targetBps = Math.round(Math.max(Math.min(LEAST_BPS, this.mostBps), FALL * Math.min(this.targetBps, throughBps)));
      this.fellMs = nowMs;
      return;
    }
    const rested = nowMs - this.fellMs > REST_MS;
    if (rested && this.queuedMs < CLEAR_MS && throughBps > USED * this.targetBps) {
      this.targetBps = Math.round(Math.min(this.mostBps, CLIMB * this.targetBps));
    }
  }
}
