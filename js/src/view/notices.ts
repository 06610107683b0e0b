// What needs attention: the page's own error, a plain notice, and the problems Python reports, each to be dismissed.
import type { Caller } from "../session/caller.ts";
import type { Snapshot } from "../status.ts";
import { isQuiet } from "../status.ts";
import { h } from "./dom.ts";
import { icon } from "./icons.ts";

interface Panel {
  key: string;
  tone: "bad" | "note";
  message: string;
  nextStep: string | null;
  url?: string | null;
  detail: string | null;
  count: number;
  dismiss(): void;
}

function panelElement(panel: Panel): HTMLElement {
  const count = panel.count > 1 ? h("span", { class: "srl-count", title: `${panel.count} times` }, `×${panel.count}`) : null;
  const text = h("div", { class: "srl-panel-text" }, h("p", { class: "srl-panel-message" }, panel.message, count));
  if (panel.nextStep) text.append(h("p", { class: "srl-panel-next" }, panel.nextStep));
  if (panel.url) text.append(h("p", { class: "srl-panel-next" }, h("a", { href: panel.url, target: "_blank", rel: "noopener" }, panel.url)));
  if (panel.detail) text.append(h("details", { class: "srl-detail" }, h("summary", {}, "Details"), h("pre", { tabindex: 0 }, panel.detail)));
  const close = h("button", { type: "button", class: "srl-close", "aria-label": "Dismiss", title: "Dismiss", onclick: () => panel.dismiss() });
  close.append(icon("close"));
  return h("div", { class: "srl-panel", "data-tone": panel.tone, "data-code": panel.key }, icon(panel.tone === "bad" ? "warning" : "info"), text, close);
}

export class Notices {
  readonly element = h("div", { class: "srl-notices", hidden: true });
  private readonly shown = new Map<string, { text: string; element: HTMLElement }>();

  constructor(private readonly session: Caller) {}

  update(now: Snapshot): void {
    const panels = this.panels(now);
    const keys = new Set(panels.map(({ key }) => key));
    for (const [key, { element }] of this.shown) {
      if (keys.has(key)) continue;
      element.remove();
      this.shown.delete(key);
    }
    for (const panel of panels) this.show(panel);
    this.element.hidden = panels.length === 0;
  }

  /** An unfolded traceback stays unfolded while its counter goes on. */
  private show(panel: Panel): void {
    const text = JSON.stringify(panel);
    const before = this.shown.get(panel.key);
    if (before?.text === text) return;
    const element = panelElement(panel);
    const open = before?.element.querySelector("details")?.open ?? false;
    const details = element.querySelector("details");
    if (details) details.open = open;
    if (before) before.element.replaceWith(element);
    else this.element.append(element);
    this.shown.set(panel.key, { text, element });
  }

  private panels(now: Snapshot): Panel[] {
    const { session } = this;
    const panels: Panel[] = [];
    if (now.error && !isQuiet(now.error)) {
      const { code, message, next_step: nextStep, url } = now.error;
      panels.push({ key: `error-${code}`, tone: "bad", message, nextStep, url: url ?? null, detail: null, count: 1, dismiss: () => session.dismissError() });
    }
    if (now.notice) {
      const rest = { nextStep: null, detail: null, count: 1, dismiss: () => session.dismissNotice() };
      panels.push({ key: "notice", tone: "note", message: now.notice, ...rest });
    }
    for (const { code, message, next_step: nextStep, detail, count } of now.troubles) {
      panels.push({ key: code, tone: code === "shedding" ? "note" : "bad", message, nextStep, detail, count, dismiss: () => session.dismiss(code) });
    }
    return panels;
  }
}
