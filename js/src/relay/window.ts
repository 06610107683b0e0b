// How much of one video stream may be on its way, asked before a picture is encoded. The law, as in smallrtc_lab/relay/window.py: at
// most three pictures are unacknowledged, or as many as were sent in the last 250 ms; where the way itself takes longer than that,
// the window is as long as the way.

const FRAMES = 3;
const WINDOW_MS = 250;
const WAY_MARGIN_MS = 100;
const MEMORY_MS = 10_000;

export interface Acknowledged {
  rttMs: number;
  /** How much longer that is than the least round trip of the last seconds: a queue on the way. */
  queuedMs: number;
  freedBytes: number;
}

export class SendWindow {
  refused = 0;
  rttMs: number | null = null;
  private sequence = 0;
  private readonly flight: { sequence: number; atMs: number; size: number }[] = [];
  private readonly least: { atMs: number; rttMs: number }[] = [];

  constructor(private readonly frames = FRAMES) {}

  get inFlight(): number {
    return this.flight.length;
  }

  /** Whether one more may be encoded now; a refusal is counted. */
  hasRoom(nowMs: number): boolean {
    const oldest = this.flight[0];
    if (this.flight.length < this.frames || !oldest) return true;
    const windowMs = Math.max(WINDOW_MS, (this.least[0]?.rttMs ?? 0) + WAY_MARGIN_MS);
    if (nowMs - oldest.atMs < windowMs) return true;
    this.refused += 1;
    return false;
  }

  /** One of `size` bytes goes out; its sequence. */
  sent(nowMs: number, size: number): number {
    this.sequence += 1;
    this.flight.push({ sequence: this.sequence, atMs: nowMs, size });
    return this.sequence;
  }

  /** The receiver is done with everything up to `sequence`; null when that is no news. */
  acknowledge(sequence: number, nowMs: number): Acknowledged | null {
    const count = this.flight.findIndex((one) => one.sequence > sequence);
    const done = this.flight.splice(0, count < 0 ? this.flight.length : count);
    const newest = done.at(-1);
    if (!newest) return null;
    const rttMs = nowMs - newest.atMs;
    this.rttMs = rttMs;
    this.remember(rttMs, nowMs);
    const freedBytes = done.reduce((sum, one) => sum + one.size, 0);
    return { rttMs, queuedMs: rttMs - (this.least[0]?.rttMs ?? rttMs), freedBytes };
  }

  private remember(rttMs: number, nowMs: number): void {
    while ((this.least.at(-1)?.rttMs ?? -1) >= rttMs) this.least.pop();
    this.least.push({ atMs: nowMs, rttMs });
    while ((this.least[0]?.atMs ?? nowMs) < nowMs - MEMORY_MS) this.least.shift();
  }
}
