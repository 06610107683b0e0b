// The figures behind the status line: what comes and goes, how late it is, and what was left out, in plain words.
import type { Snapshot } from "../status.ts";
import { wayText } from "../status.ts";
import { h, newId, setAttribute, setText } from "./dom.ts";

/** Reasons of the engine's, as `lab.stats()["drops"]` has them. */
const REASONS: Record<string, string> = {
  network: "packets lost by the network",
  decoder: "pictures that came faster than they can be decoded",
  untaken: "pictures replaced by newer ones before anybody took them",
  busy: "pictures and sounds that came while a function was busy",
  late: "pictures shown unprocessed: the function took too long",
  unsent: "results replaced by newer ones before they were sent",
  bridge: "reports to Python while it was busy",
  messages: "messages without a browser, or without room",
};

const known = (value: number | null | undefined): value is number => value !== null && value !== undefined;
const ms = (value: number) => `${value < 10 ? Math.max(0.1, Math.round(value * 10) / 10) : Math.round(value)} ms`;
const rate = (value: number) => `${Math.round(value)}/s`;
const share = (value: number) => `${(100 * value).toFixed(value > 0 && value < 0.1 ? 1 : 0)} % lost`;

export function bits(value: number): string {
  return value >= 1e6 ? `${(value / 1e6).toFixed(1)} Mbit/s` : `${Math.round(value / 1000)} kbit/s`;
}

function joined(...parts: (string | false | null)[]): string {
  return parts.filter(Boolean).join(" · ");
}

function delayText(now: Snapshot): string {
  const engine = now.engineStats;
  if (!known(engine?.delay_ms)) return "";
  const stages = joined(
    known(engine.network_ms) && `network and decoding ${ms(engine.network_ms)}`,
    known(engine.hand_over_ms) && `hand-over ${ms(engine.hand_over_ms)}`,
    known(engine.callback_ms) && `the function itself takes ${ms(engine.callback_ms)}`,
  );
  return stages ? `${ms(engine.delay_ms)} (${stages})` : ms(engine.delay_ms);
}

function droppedText(drops: Record<string, number> | undefined): string {
  const counted = Object.entries(drops ?? {}).filter(([, count]) => count > 0);
  if (counted.length === 0) return drops ? "nothing" : "";
  return counted.map(([reason, count]) => `${count} ${REASONS[reason] ?? reason}`).join("; ");
}

/** Names and figures, those that are known. */
export function detailRows(now: Snapshot): [string, string][] {
  const { stats, engineStats: engine } = now;
  const page = joined(
    known(stats?.width) && known(stats.height) && `${stats.width}×${stats.height}`,
    known(stats?.fps) && rate(stats.fps),
    known(stats?.bitrate_bps) && bits(stats.bitrate_bps),
    known(stats?.loss) && share(stats.loss),
  );
  const python = joined(
    known(engine?.video_fps) && rate(engine.video_fps),
    known(engine?.received_bps) && bits(engine.received_bps),
    known(engine?.audio_loss) && `sound ${share(engine.audio_loss)}`,
  );
  const back = joined(known(engine?.returned_fps) && engine.returned_fps > 0 && rate(engine.returned_fps), known(engine?.sent_bps) && bits(engine.sent_bps));
  const rows: [string, string][] = [
    ["Way", wayText(now)],
    ["Round trip", known(stats?.rtt_ms) ? ms(stats.rtt_ms) : ""],
    ["This page sends", page],
    ["Python receives", python],
    ["Camera to Python", delayText(now)],
    ["Python sends", back],
    ["Left out", droppedText(engine?.drops)],
  ];
  return rows.filter(([, text]) => text !== "");
}

export class Details {
  readonly element = h("dl", { class: "srl-details", id: newId("details"), "aria-label": "Figures of the connection", hidden: true });
  private readonly shown = new Map<string, HTMLElement>();
  private wanted = false;

  toggle(): boolean {
    this.wanted = !this.wanted;
    return this.wanted;
  }

  update(now: Snapshot): void {
    const open = this.wanted && now.state === "live";
    setAttribute(this.element, "hidden", !open);
    if (!open) return;
    const rows = detailRows(now);
    const same = rows.length === this.shown.size && rows.every(([name]) => this.shown.has(name));
    if (!same) this.build(rows.map(([name]) => name));
    for (const [name, text] of rows) {
      const cell = this.shown.get(name);
      if (cell) setText(cell, text);
    }
  }

  private build(names: string[]): void {
    this.shown.clear();
    const pairs = names.map((name) => {
      const cell = h("dd");
      this.shown.set(name, cell);
      return h("div", { class: "srl-detail-row" }, h("dt", {}, name), cell);
    });
    this.element.replaceChildren(...pairs);
  }
}
