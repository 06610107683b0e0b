// One view of a plot: the picture, its two buttons, the value under the mouse, and a sentence when nothing new comes.
import type { Problem } from "../errors.ts";
import type { CommModel } from "../model.ts";
import type { Place } from "../signaling/server.ts";
import { h, setAttribute, setText } from "../view/dom.ts";
import { icon } from "../view/icons.ts";
import { Canvas } from "./canvas.ts";
import type { Subject } from "./link.ts";
import { PlotLink } from "./link.ts";
import type { Picture, PlotMessage, PlotState, Size, ViewMessage } from "./messages.ts";
import { PLOT_VERSION } from "./messages.ts";
import { pageName, themeOf, watchRatio, watchTheme } from "./page.ts";
import { Asking, step } from "./pointer.ts";
import type { Asked } from "./size.ts";
import { fit } from "./size.ts";

/** What the kernel told once: where this plot is found, and how large it is to be. */
export interface About extends Asked, Subject {
  title: string | null;
}

const NAMES: Record<string, string> = {
  waveform: "Waveform",
  spectrum: "Spectrum",
  spectrogram: "Spectrogram",
  level: "Level",
  video: "Picture",
  histogram: "Histogram",
  stats: "Statistics",
  custom: "Plot",
};
/** Boxes change their size in many small steps while a person drags. */
const SETTLED_MS = 80;
const NO_SERVER = "Live plots need a Jupyter server with smallrtc-lab: open this notebook in JupyterLab or Notebook 7.";

export class PlotView {
  readonly root: HTMLElement;
  private readonly canvas = new Canvas();
  private readonly sentence = h("p", { class: "srl-plot-sentence", role: "status" });
  private readonly reading = h("output", { class: "srl-plot-reading", "aria-live": "off" });
  private readonly pace = h("span", { class: "srl-plot-pace" });
  private readonly cross = h("div", { class: "srl-plot-cross", "aria-hidden": "true", hidden: true });
  private readonly hold = this.button("Freeze this plot", "pause", () => this.freeze(false));
  private readonly holdAll = this.button("Freeze all plots", "pauseAll", () => this.freeze(true));
  private readonly frame: HTMLElement;
  private readonly link: PlotLink | null;
  private readonly asking = new Asking((at) => this.tell({ type: "pointer", x: at?.[0] ?? null, y: at?.[1] ?? null }));
  private readonly undo: (() => void)[] = [];
  private timer: ReturnType<typeof setTimeout> | null = null;
  private state: PlotState = "waiting";
  private stateText = "";
  private problem: Problem | null = null;
  private drawingProblem = "";
  private at: [number, number] | null = null;
  private size: Size | null = null;
  private inSight = false;
  private shown = false;
  private comingMs = 0;

  constructor(
    private about: About,
    place: Place | null,
    model: CommModel,
    into: HTMLElement,
  ) {
    const tools = h("div", { class: "srl-plot-tools" }, this.hold, this.holdAll);
    this.frame = h("div", { class: "srl-plot-frame" }, this.canvas.element, this.cross, this.sentence, tools);
    const foot = h("div", { class: "srl-plot-foot" }, this.reading, this.pace);
    this.root = h("section", { class: "smallrtc-plot", "data-lm-suppress-shortcuts": "true" }, this.frame, foot);
    this.lay();
    into.classList.add("smallrtc-plot-box");
    into.append(this.root);
    this.link = about.session ? new PlotLink(place, about, model, this.linkEvents()) : null;
    this.watch();
    this.link?.open();
    this.say();
  }

  /** A saved notebook's view, whose kernel is not there. */
  restored(): void {
    this.problem ??= { code: "saved-view", message: "This plot was saved with the notebook.", next_step: "Run the cell to see it live." };
    this.say();
  }

  close(): void {
    for (const back of this.undo) back();
    if (this.timer !== null) clearTimeout(this.timer);
    this.link?.close();
    this.root.remove();
  }

  // From the engine

  private linkEvents() {
    return {
      hello: (): ViewMessage | null => this.hello(),
      message: (message: PlotMessage) => this.received(message),
      trouble: (problem: Problem | null) => {
        this.problem = problem;
        this.asking.reset();
        this.say();
      },
    };
  }

  private hello(): ViewMessage | null {
    if (this.size === null) return null;
    this.asking.reset();
    return { type: "hello", version: PLOT_VERSION, page: pageName(), theme: themeOf(this.root), visible: this.visible, ...this.size };
  }

  private received(message: PlotMessage): void {
    switch (message.type) {
      case "welcome":
        this.about = { ...this.about, kind: message.kind, title: message.title, width: message.width, height: message.height };
        this.lay();
        this.measure();
        break;
      case "coming":
        this.comingMs = performance.now();
        return;
      case "picture":
        this.show(message);
        return;
      case "state":
        this.state = message.state;
        this.stateText = message.text;
        break;
      case "problem":
        this.drawingProblem = message.text;
        break;
      case "pace":
        setText(this.pace, message.text);
        break;
      case "reading":
        setText(this.reading, this.at === null ? "" : message.text);
        this.asking.answered(message.at);
        break;
    }
    this.say();
  }

  /** Shows a picture and acknowledges it, with how long its bytes were on their way. */
  private show(picture: Picture): void {
    const ms = performance.now() - this.comingMs;
    const seen = () => this.seen(picture.n, ms);
    void this.canvas.show(picture).then(seen, (cause: unknown) => {
      console.warn("smallrtc-lab: a plot's picture could not be decoded", cause);
      seen();
    });
  }

  private seen(n: number, ms: number): void {
    this.tell({ type: "ack", n, ms: Math.round(ms) });
    if (!this.shown) {
      this.shown = true;
      this.say();
    }
  }

  // To the engine

  private tell(message: ViewMessage): void {
    this.link?.tell(message);
  }

  private freeze(all: boolean): void {
    this.tell({ type: this.state === "frozen" ? "unfreeze" : "freeze", all });
  }

  private point(at: [number, number] | null): void {
    this.at = at;
    if (at === null) setText(this.reading, "");
    this.cross.hidden = at === null;
    if (at !== null) {
      this.cross.style.setProperty("--x", `${(100 * at[0]) / this.canvas.width}%`);
      this.cross.style.setProperty("--y", `${(100 * at[1]) / this.canvas.height}%`);
    }
    this.asking.move(at);
  }

  // The person, the box, the page

  private watch(): void {
    const sight = new IntersectionObserver((entries) => {
      this.inSight = entries.at(-1)?.isIntersecting ?? false;
      this.tellSight();
    });
    const box = new ResizeObserver(() => this.settle());
    const hidden = () => this.tellSight();
    sight.observe(this.root);
    box.observe(this.root);
    document.addEventListener("visibilitychange", hidden);
    this.undo.push(
      () => sight.disconnect(),
      () => box.disconnect(),
      () => document.removeEventListener("visibilitychange", hidden),
      watchTheme(() => this.tell({ type: "theme", theme: themeOf(this.root) })),
      watchRatio(() => this.settle()),
    );
    this.listen();
  }

  private listen(): void {
    const { element } = this.canvas;
    element.addEventListener("pointermove", (event) => this.point(this.canvas.locate(event.clientX, event.clientY)));
    element.addEventListener("pointerdown", (event) => this.point(this.canvas.locate(event.clientX, event.clientY)));
    element.addEventListener("pointerleave", () => this.point(null));
    element.addEventListener("blur", () => this.point(null));
    this.root.addEventListener("keydown", (event) => {
      this.key(event);
      event.stopPropagation(); // nbclassic takes keys for its cells; JupyterLab is told by data-lm-suppress-shortcuts
    });
  }

  private key(event: KeyboardEvent): void {
    if (event.target !== this.canvas.element || this.canvas.empty) return;
    const to = step(event.key, event.shiftKey, this.at, [this.canvas.width, this.canvas.height]);
    setAttribute(this.reading, "aria-live", to ? "polite" : "off"); // a mouse would have everything read aloud
    if (to) this.point(to);
    else if (event.key === " ") this.freeze(false);
    else if (event.key === "Escape") this.point(null);
    else return;
    event.preventDefault();
  }

  private get visible(): boolean {
    return this.inSight && !document.hidden;
  }

  private tellSight(): void {
    this.tell({ type: "visible", visible: this.visible });
  }

  private settle(): void {
    if (this.size === null) return this.measure();
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = setTimeout(() => this.measure(), SETTLED_MS);
  }

  private measure(): void {
    const available = this.frame.clientWidth;
    if (available === 0) return; // not in the page yet, or in a tab that is not open
    const size = fit(this.about, available, devicePixelRatio);
    const { size: before } = this;
    this.frame.style.height = `${size.height}px`;
    if (before && before.width === size.width && before.height === size.height && before.ratio === size.ratio) return;
    this.size = size;
    this.tell({ type: "size", ...size });
  }

  // What is said

  private lay(): void {
    const { title, kind, width, height } = this.about;
    const name = title || NAMES[kind] || "Plot";
    this.root.style.setProperty("--width", `${width}px`);
    if (this.size === null) this.frame.style.height = `${height}px`;
    setAttribute(this.root, "aria-label", `${name}, live plot`);
    setAttribute(this.canvas.element, "aria-label", `${name}. Arrow keys read values, the space bar freezes.`);
  }

  private say(): void {
    const frozen = this.state === "frozen";
    const said = this.problem ? [this.problem.message, this.problem.next_step].filter(Boolean).join(" ") : this.drawingProblem || this.stateText;
    setText(this.sentence, this.link ? said : NO_SERVER);
    setAttribute(this.root, "data-state", this.problem ? "trouble" : this.state);
    setAttribute(this.root, "data-shown", this.shown);
    for (const [button, one] of [
      [this.hold, "this plot"],
      [this.holdAll, "all plots"],
    ] as const) {
      setAttribute(button, "aria-pressed", frozen ? "true" : "false");
      setAttribute(button, "aria-label", `${frozen ? "Resume" : "Freeze"} ${one}`);
      setAttribute(button, "title", `${frozen ? "Resume" : "Freeze"} ${one}`);
      button.disabled = this.problem !== null || this.state === "closed" || this.state === "waiting";
    }
  }

  private button(label: string, name: "pause" | "pauseAll", pressed: () => void): HTMLButtonElement {
    return h("button", { type: "button", class: "srl-plot-button", "aria-label": label, onclick: pressed }, icon(name));
  }
}
