// The event log: what happened, when, and what to do about it.
import { momentsBetween } from "../session/history.ts";
import type { Snapshot } from "../status.ts";
import { h } from "./dom.ts";
import { icon } from "./icons.ts";
import { ScrollList } from "./scroll.ts";

export class Events {
  readonly element: HTMLElement;
  private readonly list = new ScrollList("Events", "Nothing happened yet.");

  constructor() {
    this.element = h("section", { class: "srp-panel srp-events" }, h("h2", {}, icon("clock"), "Events"), this.list.element);
  }

  update(now: Snapshot, before: Snapshot | null): void {
    for (const { tone, text } of before ? momentsBetween(now, before) : []) this.list.add(tone, text);
  }
}
