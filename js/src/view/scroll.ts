// A bounded list of lines, each with its time, that stays at its end unless somebody scrolled up to read.
import { h } from "./dom.ts";

const LINES = 200;

export class ScrollList {
  readonly element: HTMLElement;

  constructor(
    label: string,
    private readonly empty: string,
  ) {
    this.element = h("ol", { class: "srp-lines", "aria-label": label, tabindex: 0, role: "log" });
    this.element.append(h("li", { class: "srp-empty" }, empty));
  }

  add(kind: string, ...content: (Node | string)[]): void {
    const { element } = this;
    const atEnd = element.scrollHeight - element.scrollTop - element.clientHeight < 24;
    element.querySelector(".srp-empty")?.remove();
    const time = new Date().toLocaleTimeString([], { hour12: false });
    element.append(h("li", { "data-kind": kind }, h("time", {}, time), h("div", { class: "srp-text" }, ...content)));
    while (element.children.length > LINES) element.firstElementChild?.remove();
    if (atEnd) element.scrollTop = element.scrollHeight;
  }

  clear(): void {
    this.element.replaceChildren(h("li", { class: "srp-empty" }, this.empty));
  }
}
