// The slim level meter inside the microphone's switch; drawn only while somebody can see it.
import { h } from "./dom.ts";

const FLOOR_DB = -60;
const PERIOD_MS = 50;

/** 0 at the floor, 1 at full scale: linear in dB, as ears are. */
export function fraction(levelDb: number): number {
  return Math.min(1, Math.max(0, 1 - levelDb / FLOOR_DB));
}

export class LevelMeter {
  readonly element: HTMLElement;
  private readonly bar = h("span", { class: "srl-level-bar" });
  private frame = 0;
  private wanted = false;
  private visible = true;
  private lastMs = 0;
  private shown = 0;

  constructor(private readonly levelDb: () => number | null) {
    this.element = h("span", { class: "srl-level", "aria-hidden": "true" }, this.bar);
  }

  run(wanted: boolean): void {
    this.wanted = wanted;
    this.next();
  }

  /** Scrolled out of view: no drawing. (A hidden page gets no animation frames anyway.) */
  see(visible: boolean): void {
    this.visible = visible;
    this.next();
  }

  private next(): void {
    if (!this.wanted || !this.visible) {
      cancelAnimationFrame(this.frame);
      this.frame = 0;
      if (!this.wanted) this.draw(0);
    } else if (this.frame === 0) this.frame = requestAnimationFrame((nowMs) => this.step(nowMs));
  }

  private step(nowMs: number): void {
    this.frame = 0;
    if (nowMs - this.lastMs >= PERIOD_MS) {
      this.lastMs = nowMs;
      const level = fraction(this.levelDb() ?? FLOOR_DB);
      this.draw(Math.max(level, this.shown - 0.06)); // quick up, slow down: readable
    }
    this.next();
  }

  private draw(level: number): void {
    if (level === this.shown) return;
    this.shown = level;
    this.bar.style.transform = `scaleX(${level.toFixed(3)})`;
    this.bar.dataset["loud"] = String(level > 0.95);
  }
}
