// What Python says while it runs: lab.values as a strip, and the printed lines of callbacks behind a fold.
import type { Snapshot } from "../status.ts";
import { h, setAttribute, setText } from "./dom.ts";

/** Short, but never lying about whole numbers. */
export function valueText(value: unknown): string {
  if (typeof value === "number") return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(5)));
  if (typeof value === "string") return value;
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}

export class Values {
  readonly element = h("dl", { class: "srl-values", "aria-label": "Values", hidden: true });
  private readonly shown = new Map<string, HTMLElement>();

  update(now: Snapshot, before: Snapshot | null): void {
    if (before?.values === now.values) return;
    const entries = Object.entries(now.values);
    const same = entries.length === this.shown.size && entries.every(([name]) => this.shown.has(name));
    if (!same) this.build(entries.map(([name]) => name));
    for (const [name, value] of entries) {
      const cell = this.shown.get(name);
      if (cell) setText(cell, valueText(value));
    }
    setAttribute(this.element, "hidden", entries.length === 0);
  }

  private build(names: string[]): void {
    this.shown.clear();
    const pairs = names.map((name) => {
      const cell = h("dd");
      this.shown.set(name, cell);
      return h("div", { class: "srl-value" }, h("dt", {}, name), cell);
    });
    this.element.replaceChildren(...pairs);
  }
}

export class Log {
  readonly element: HTMLDetailsElement;
  private readonly count = h("span", { class: "srl-count" });
  private readonly lines = h("pre", { tabindex: 0, "aria-label": "Lines printed by callbacks" });

  constructor() {
    this.element = h("details", { class: "srl-log", hidden: true }, h("summary", {}, "Log", this.count), this.lines);
    this.element.addEventListener("toggle", () => this.toEnd());
  }

  update(now: Snapshot, before: Snapshot | null): void {
    if (before?.log === now.log) return;
    const atEnd = this.lines.scrollHeight - this.lines.scrollTop - this.lines.clientHeight < 24;
    setAttribute(this.element, "hidden", now.log.length === 0);
    setText(this.count, String(now.log.length + now.logDropped));
    const gone = now.logDropped > 0 ? `… ${now.logDropped} earlier lines\n` : "";
    setText(this.lines, gone + now.log.join("\n"));
    if (atEnd) this.toEnd();
  }

  private toEnd(): void {
    this.lines.scrollTop = this.lines.scrollHeight;
  }
}
