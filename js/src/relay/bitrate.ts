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

export class BitrateControl {
  targetBps: number;
  private begunMs: number | null = null;
  private bytes = 0;
  private queuedMs = Infinity;
  private fellMs = -Infinity;

  constructor(
    startBps: number,
    private readonly mostBps: number,
  ) {
    this.targetBps = Math.min(startBps, mostBps);
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
      this.targetBps = Math.round(Math.max(LEAST_BPS, FALL * Math.min(this.targetBps, throughBps)));
      this.fellMs = nowMs;
      return;
    }
    const rested = nowMs - this.fellMs > REST_MS;
    if (rested && this.queuedMs < CLEAR_MS && throughBps > USED * this.targetBps) {
      this.targetBps = Math.round(Math.min(this.mostBps, CLIMB * this.targetBps));
    }
  }
}
