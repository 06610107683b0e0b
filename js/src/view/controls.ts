// Sliders, choices and checkboxes for the parameters of Python's callbacks.
import type { Control, ControlValue, Processor } from "../protocol.ts";
import type { Caller } from "../session/caller.ts";
import type { Snapshot } from "../status.ts";
import { h, newId, setText } from "./dom.ts";

interface Row {
  element: HTMLElement;
  set(control: Control): void;
}

function rangeRow(name: string, control: Control & { type: "range" }, send: (value: ControlValue) => void): Row {
  const id = newId("range");
  const { min, max, step } = control;
  const output = h("output", { for: id, class: "srl-output" });
  const input = h("input", { type: "range", id, min, max, step, class: "srl-range" });
  const decimals = Math.min(6, (String(step).split(".")[1] ?? "").length);
  const show = () => {
    setText(output, Number(input.value).toFixed(decimals));
    input.style.setProperty("--srl-part", String((Number(input.value) - min) / (max - min || 1)));
  };
  input.addEventListener("input", () => {
    show();
    send(Number(input.value));
  });
  const element = h("div", { class: "srl-field" }, h("label", { for: id }, name), input, output);
  const set = (next: Control) => {
    if (next.type === "range" && document.activeElement !== input) input.value = String(next.value);
    show();
  };
  return { element, set };
}

function choiceRow(name: string, control: Control & { type: "choice" }, send: (value: ControlValue) => void): Row {
  const id = newId("choice");
  const { options } = control;
  const select = h("select", { id, class: "srl-select" }, ...options.map((one, i) => h("option", { value: i }, String(one))));
  select.addEventListener("change", () => send(options[Number(select.value)] ?? ""));
  const element = h("div", { class: "srl-field" }, h("label", { for: id }, name), select);
  const set = (next: Control) => {
    if (next.type === "choice" && document.activeElement !== select) select.value = String(options.indexOf(next.value));
  };
  return { element, set };
}

function boolRow(name: string, send: (value: ControlValue) => void): Row {
  const id = newId("bool");
  const input = h("input", { type: "checkbox", id, class: "srl-check" });
  input.addEventListener("change", () => send(input.checked));
  const element = h("div", { class: "srl-field" }, h("label", { for: id }, name), input);
  const set = (next: Control) => {
    if (next.type === "bool" && document.activeElement !== input) input.checked = next.value;
  };
  return { element, set };
}

function row(name: string, control: Control, send: (value: ControlValue) => void): Row {
  const made =
    control.type === "range" ? rangeRow(name, control, send) : control.type === "choice" ? choiceRow(name, control, send) : boolRow(name, send);
  made.set(control);
  return made;
}

/** The shape of the controls without their values: only a new shape builds new elements, a new value never takes a slider out of a hand. */
function shapeOf(processors: (Processor | null)[]): string {
  return JSON.stringify(processors, (key, value: unknown) => (key === "value" || key === "state" ? undefined : value));
}

export class Controls {
  readonly element = h("div", { class: "srl-controls", hidden: true });
  private shape = "";
  private rows = new Map<string, Row>();

  constructor(private readonly session: Caller) {}

  update(now: Snapshot): void {
    const processors = [now.processors.video, now.processors.audio];
    const shape = shapeOf(processors);
    if (shape !== this.shape) {
      this.shape = shape;
      this.build(processors);
      return;
    }
    for (const processor of processors) {
      for (const [name, control] of Object.entries(processor?.controls ?? {})) this.rows.get(`${processor?.name}\0${name}`)?.set(control);
    }
  }

  private build(processors: (Processor | null)[]): void {
    this.rows = new Map();
    const groups = processors.flatMap((processor) => (processor && Object.keys(processor.controls).length > 0 ? [this.group(processor)] : []));
    this.element.replaceChildren(...groups);
    this.element.hidden = groups.length === 0;
  }

  private group(processor: Processor): HTMLElement {
    const rows = Object.entries(processor.controls).map(([name, control]) => {
      const made = row(name, control, (value) => this.session.control(processor.name, name, value));
      this.rows.set(`${processor.name}\0${name}`, made);
      return made.element;
    });
    return h("fieldset", { class: "srl-group" }, h("legend", {}, processor.name), ...rows);
  }
}
