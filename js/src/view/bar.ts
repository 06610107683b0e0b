// The bar: Start or Stop, where it stands, and the switches.
import type { Caller } from "../session/caller.ts";
import type { Snapshot, SourceState } from "../status.ts";
import { isQuiet, statusLine } from "../status.ts";
import { h, setAttribute, setText } from "./dom.ts";
import type { IconName } from "./icons.ts";
import { icon, switchIcon } from "./icons.ts";
import { LevelMeter } from "./meter.ts";

interface Switch {
  button: HTMLButtonElement;
  set(shown: boolean, pressed: boolean, label: string, disabled?: boolean): void;
}

function toolButton(action: string, name: IconName, press: () => void, ...more: Node[]): Switch {
  const button = h("button", { type: "button", class: "srl-tool", "data-action": action, onclick: press }, switchIcon(name), ...more);
  return {
    button,
    set: (shown, pressed, label, disabled = false) => {
      setAttribute(button, "hidden", !shown);
      setAttribute(button, "aria-pressed", pressed ? "true" : "false");
      setAttribute(button, "aria-label", label);
      setAttribute(button, "title", label);
      button.disabled = disabled;
    },
  };
}

const isOn = (state: SourceState) => state === "on" || state === "test";

export class Bar {
  readonly element: HTMLElement;
  readonly meter: LevelMeter;
  private readonly primary: HTMLButtonElement;
  private readonly primaryIcons = { start: icon("start"), stop: icon("stop") };
  private readonly primaryText = h("span");
  private readonly line = h("div", { class: "srl-status" });
  private readonly lineText = h("span");
  /** The same line while live, with figures: it opens what is behind them. */
  readonly badge = h("button", { type: "button", class: "srl-badge", "data-action": "details", "aria-expanded": "false", hidden: true });
  private readonly real: HTMLButtonElement;
  private readonly microphone: Switch;
  private readonly camera: Switch;
  private readonly screen: Switch;
  private readonly listen: Switch;
  readonly gear: HTMLButtonElement;

  constructor(
    private readonly session: Caller,
    toggleSettings: () => void,
    toggleDetails: () => void,
  ) {
    this.meter = new LevelMeter(() => session.levelDb());
    const press = () => this.pressed();
    this.primary = h("button", { type: "button", class: "srl-primary", "data-action": "start", onclick: press }, this.primaryText);
    this.badge.addEventListener("click", toggleDetails);
    const text = h("span", { class: "srl-status-text" }, this.lineText, this.badge);
    this.line.append(h("span", { class: "srl-dot", "aria-hidden": "true" }), text);
    const useDevices = () => session.useDevices();
    this.real = h("button", { type: "button", class: "srl-plain", "data-action": "use-devices", hidden: true, onclick: useDevices }, "");
    this.microphone = toolButton("mute", "microphone", () => session.toggle("audio"), this.meter.element);
    this.camera = toolButton("camera", "camera", () => session.toggle("camera"));
    this.screen = toolButton("screen", "screen", () => session.toggleScreen());
    this.listen = toolButton("listen", "listen", () => session.listen(session.store.now.listening !== "on"));
    this.gear = h("button", { type: "button", class: "srl-tool", "data-action": "settings", "aria-label": "Devices", title: "Devices" });
    this.gear.append(icon("gear"));
    this.gear.addEventListener("click", toggleSettings);
    const tools = [this.microphone, this.camera, this.screen, this.listen].map(({ button }) => button);
    this.element = h("div", { class: "srl-bar" }, this.primary, this.line, this.real, h("div", { class: "srl-tools" }, ...tools, this.gear));
  }

  update(now: Snapshot): void {
    this.updatePrimary(now);
    this.updateLine(now);
    this.updateTools(now);
  }

  private pressed(): void {
    const { state, owner } = this.session.store.now;
    if (state === "idle" && owner === "another") this.session.takeOver();
    else if (state === "idle" || state === "failed") this.session.startByClick();
    else this.session.stop();
  }

  private updatePrimary(now: Snapshot): void {
    const startable = now.state === "idle" || now.state === "failed";
    const waiting = now.state === "asking" || now.state === "connecting";
    const elsewhere = startable && now.owner === "another";
    const begin = elsewhere ? "Take over" : this.session.options.start_label || "Start";
    setText(this.primaryText, startable ? begin : waiting ? "Cancel" : "Stop");
    const wantedIcon = startable ? this.primaryIcons.start : this.primaryIcons.stop;
    if (this.primary.firstChild !== wantedIcon) {
      this.primaryIcons.start.remove();
      this.primaryIcons.stop.remove();
      this.primary.prepend(wantedIcon);
    }
    setAttribute(this.primary, "data-action", startable ? "start" : "stop");
    setAttribute(this.primary, "data-wanted", now.wanted && startable);
    setAttribute(this.primary, "hidden", now.link === "none");
    this.primary.disabled = startable && isQuiet(now.error);
  }

  private updateLine(now: Snapshot): void {
    const { tone, text } = statusLine(now);
    setAttribute(this.line, "data-tone", tone);
    const live = tone === "live";
    setText(this.lineText, live ? "" : text);
    setText(this.badge, live ? text : "");
    setAttribute(this.badge, "hidden", !live);
    const rtt = now.stats?.rtt_ms != null ? "The milliseconds are the network's round trip." : null;
    const delay = now.engineStats?.delay_ms != null ? `Pictures reach Python after ${Math.round(now.engineStats.delay_ms)} ms.` : null;
    const lost = now.link === "lost" && now.state === "live" ? "The Jupyter server does not answer; media goes on." : null;
    setAttribute(this.line, "title", [text, rtt, delay, lost].filter(Boolean).join("\n"));
    const tests = (["camera", "audio"] as const).filter((name) => now[name] === "test");
    setAttribute(this.real, "hidden", tests.length === 0 || now.state !== "live");
    setText(this.real, tests.includes("camera") ? "Use camera" : "Use microphone");
  }

  private updateTools(now: Snapshot): void {
    const { options } = this.session;
    const running = now.state === "live" || now.state === "reconnecting" || now.state === "connecting";
    const microphone = isOn(now.audio);
    const camera = isOn(now.camera);
    this.microphone.set(running && options.audio !== false, !microphone, microphone ? "Mute microphone" : "Unmute microphone", now.audio === "opening");
    this.camera.set(running && options.video !== false, !camera, camera ? "Switch camera off" : "Switch camera on", now.camera === "opening");
    const sharing = now.screen === "on";
    this.screen.set(running && options.screen, sharing, sharing ? "Stop sharing the screen" : "Share a screen", now.screen === "opening");
    this.updateListen(now, running);
    const microphoneOff = running && options.audio !== false && !microphone;
    setAttribute(this.microphone.button, "data-off", microphoneOff);
    setAttribute(this.camera.button, "data-off", running && options.video !== false && !camera);
    setAttribute(this.gear, "hidden", now.link === "none");
    this.meter.run(running && microphone);
  }

  private updateListen(now: Snapshot, running: boolean): void {
    const on = now.listening === "on";
    const returns = this.session.returnsSound;
    const label = on
      ? `Stop listening to ${this.session.other}'s sound`
      : now.listening === "blocked"
        ? "The browser keeps this page silent: press again to listen"
        : returns
          ? `Listen to the sound ${this.session.other} returns`
          : "Listen: no @lab.on_audio function returns sound yet";
    this.listen.set(running, on, label, !returns || now.state !== "live");
    setAttribute(this.listen.button, "data-blocked", now.listening === "blocked");
  }
}
