// The pickers of camera, microphone and speaker, behind the gear.
import { canChooseSpeaker } from "../media/sound.ts";
import { TEST_SIGNAL } from "../media/test_signal.ts";
import type { Caller } from "../session/caller.ts";
import type { Device, Snapshot } from "../status.ts";
import { h, newId, setAttribute } from "./dom.ts";

type Kind = "camera" | "microphone" | "speaker";
const LABEL: Record<Kind, string> = { camera: "Camera", microphone: "Microphone", speaker: "Speaker" };

/** Before the first Start browsers name no device. */
const UNKNOWN: Device[] = [{ id: "", label: "The browser's choice" }];
const TEST: Device = { id: TEST_SIGNAL, label: "Test signal" };

interface Picker {
  row: HTMLElement;
  select: HTMLSelectElement;
  shown: string;
}

export class Settings {
  readonly element: HTMLElement;
  private readonly pickers: Record<Kind, Picker>;
  private readonly hint: HTMLElement;

  constructor(private readonly session: Caller) {
    this.pickers = { camera: this.picker("camera"), microphone: this.picker("microphone"), speaker: this.picker("speaker") };
    this.hint = h("p", { class: "srl-hint" }, "The names of your devices appear after the first Start: browsers tell them only then.");
    const rows = Object.values(this.pickers).map(({ row }) => row);
    this.element = h("div", { class: "srl-settings", id: newId("settings"), role: "group", "aria-label": "Devices", hidden: true }, ...rows, this.hint);
  }

  get open(): boolean {
    return !this.element.hidden;
  }

  toggle(open = !this.open): void {
    setAttribute(this.element, "hidden", !open);
    if (open) this.update(this.session.store.now);
  }

  update(now: Snapshot): void {
    if (!this.open) return;
    const { audio, video } = this.session.options;
    const wanted: Record<Kind, boolean> = { camera: video !== false, microphone: audio !== false, speaker: canChooseSpeaker() };
    let listed = 0;
    for (const kind of ["camera", "microphone", "speaker"] as const) {
      const found = now.choices[kind];
      const devices = kind === "speaker" ? found : [...(found.length ? found : UNKNOWN), TEST];
      const shown = wanted[kind] && devices.length > 0;
      listed += wanted[kind] && found.length > 0 ? 1 : 0;
      setAttribute(this.pickers[kind].row, "hidden", !shown);
      if (shown) this.fill(this.pickers[kind], devices, this.current(kind, now));
    }
    setAttribute(this.hint, "hidden", listed > 0);
  }

  /** What is used now: the picked one, or the one the browser took. */
  private current(kind: Kind, now: Snapshot): string | null {
    if ((kind === "camera" ? now.camera : kind === "microphone" ? now.audio : "off") === "test") return TEST_SIGNAL;
    const track = kind === "camera" ? now.preview?.getVideoTracks()[0] : undefined;
    return track?.getSettings().deviceId ?? now.chosen[kind];
  }

  private picker(kind: Kind): Picker {
    const id = newId(kind);
    const select = h("select", { id, class: "srl-select", onchange: () => this.session.choose(kind, select.value || null) });
    const row = h("div", { class: "srl-field" }, h("label", { for: id }, LABEL[kind]), select);
    return { row, select, shown: "" };
  }

  private fill(picker: Picker, devices: Device[], current: string | null): void {
    const shown = JSON.stringify(devices);
    if (picker.shown !== shown) {
      picker.shown = shown;
      picker.select.replaceChildren(...devices.map(({ id, label }) => h("option", { value: id }, label)));
    }
    const value = devices.some(({ id }) => id === (current ?? "")) ? (current ?? "") : devices[0]?.id;
    if (value != null && picker.select.value !== value) picker.select.value = value;
  }
}
