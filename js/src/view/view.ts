// One view of a session: builds the DOM once, follows the snapshot, and takes everything back.
import type { PageLab } from "../session/page_lab.ts";
import type { Caller } from "../session/caller.ts";
import type { Snapshot } from "../status.ts";
import { spokenLine } from "../status.ts";
import { Bar } from "./bar.ts";
import { Controls } from "./controls.ts";
import { Details } from "./details.ts";
import { h, setAttribute, setText } from "./dom.ts";
import { Log, Values } from "./facts.ts";
import { Notices } from "./notices.ts";
import { Settings } from "./settings.ts";
import { Stage } from "./stage.ts";

/** The root of a view, as other code on the page finds it. */
export interface LabElement extends HTMLElement {
  lab: PageLab;
}

interface Part {
  element: HTMLElement;
  update(now: Snapshot, before: Snapshot | null): void;
}

export function mount(session: Caller, into: HTMLElement): () => void {
  const settings = new Settings(session);
  const stage = new Stage(session);
  const details = new Details();
  const bar = new Bar(session, () => toggle(), () => toggleDetails());
  const parts: Part[] = [stage, bar, details, settings, new Notices(session), new Controls(session), new Values(), new Log()];
  const spoken = h("div", { class: "srl-spoken", role: "status", "aria-live": "polite" });
  const root = h(
    "section",
    { class: "smallrtc-lab", "aria-label": `Live media with ${session.other}`, "data-lm-suppress-shortcuts": "true" },
    h("div", { class: "srl-card" }, ...parts.map((part) => part.element)),
    spoken,
  );
  const undo = [follow(session, root, spoken, parts), watchSight(root, stage, bar), relay(session, root)];
  const toggle = (open?: boolean) => {
    settings.toggle(open);
    setAttribute(bar.gear, "aria-expanded", settings.open ? "true" : "false");
  };
  const toggleDetails = () => {
    setAttribute(bar.badge, "aria-expanded", details.toggle() ? "true" : "false");
    details.update(session.store.now);
  };
  setAttribute(bar.badge, "aria-controls", details.element.id);
  setAttribute(bar.gear, "aria-controls", settings.element.id);
  setAttribute(bar.gear, "aria-expanded", "false");
  root.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && settings.open) {
      toggle(false);
      bar.gear.focus();
    }
    event.stopPropagation(); // nbclassic takes keys for its cells; JupyterLab is told by data-lm-suppress-shortcuts
  });
  into.append(root);
  session.viewAdded();
  return () => {
    for (const back of undo) back();
    bar.meter.run(false);
    stage.close();
    root.remove();
    session.viewRemoved();
  };
}

function follow(session: Caller, root: HTMLElement, spoken: HTMLElement, parts: Part[]): () => void {
  const update = (now: Snapshot, before: Snapshot | null) => {
    setAttribute(root, "data-state", now.state);
    setAttribute(root, "data-link", now.link);
    for (const part of parts) part.update(now, before);
    setText(spoken, spokenLine(now));
  };
  update(session.store.now, null);
  return session.store.subscribe(update);
}

/** Nothing is drawn for a view that is scrolled away, and paused pictures go on when it comes back. */
function watchSight(root: HTMLElement, stage: Stage, bar: Bar): () => void {
  const observer = new IntersectionObserver((entries) => {
    const visible = entries.some((entry) => entry.isIntersecting);
    bar.meter.see(visible);
    if (visible) stage.seen();
  });
  observer.observe(root);
  return () => observer.disconnect();
}

function relay(session: Caller, root: HTMLElement): () => void {
  Object.assign(root, { lab: session.lab });
  const told = (event: Event) => {
    root.dispatchEvent(new CustomEvent("smallrtc-message", { bubbles: true, detail: (event as MessageEvent<unknown>).data }));
  };
  session.lab.addEventListener("message", told);
  return () => session.lab.removeEventListener("message", told);
}
