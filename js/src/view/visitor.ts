// The page around a visit: what this is, the lab as notebooks have it, messages and events.
import type { Caller } from "../session/caller.ts";
import type { Snapshot } from "../status.ts";
import { h } from "./dom.ts";
import { Events } from "./events.ts";
import { Messages } from "./messages.ts";
import { mount } from "./view.ts";

export interface Served {
  /** What is served: a file's or a session's name; empty when the page does not know. */
  title: string;
  /** Where other clients begin. */
  start: string;
}

export function mountVisit(caller: Caller, served: Served, into: HTMLElement): void {
  const lab = h("div", { class: "srp-lab" });
  const [messages, events] = [new Messages(caller), new Events()];
  into.append(heading(served), lab, h("div", { class: "smallrtc-lab srp-columns" }, messages.element, events.element), foot(served));
  const update = (now: Snapshot, before: Snapshot | null) => {
    messages.update(now);
    events.update(now, before);
  };
  update(caller.store.now, null);
  caller.store.subscribe(update);
  mount(caller, lab);
}

function heading({ title }: Served): HTMLElement {
  const name = title ? h("span", { class: "srp-name" }, title) : "the bot";
  return h(
    "header",
    { class: "srp-head" },
    h("h1", {}, "Meet ", name),
    h("p", {}, "Start connects your camera and microphone to the bot; before that nothing is opened or sent. "),
    h("p", {}, "What it says stays silent until you press Listen."),
  );
}

function foot({ start }: Served): HTMLElement {
  return h(
    "details",
    { class: "smallrtc-lab srp-foot" },
    h("summary", {}, "For other clients"),
    h("p", {}, "Any client of the SmallWebRTC protocol can come here. It begins with"),
    h("pre", { tabindex: 0 }, `POST ${start}\nAuthorization: token …`),
    h("p", {}, "and sends its offer to sessions/{sessionId}/api/offer beside it."),
  );
}
