// What this page sends: microphone, camera and screen, each switched, replaced or lost while the connection stays.
import { asProblem, LabError } from "../errors.ts";
import type { Devices } from "../media/devices.ts";
import { listDevices } from "../media/devices.ts";
import type { Sound } from "../media/sound.ts";
import { TEST_SIGNAL, testPicture, testTone } from "../media/test_signal.ts";
import type { Constraints } from "../model.ts";
import type { Source } from "../negotiation.ts";
import { clipVideo, SECTION, withDevice } from "../negotiation.ts";
import type { Limits } from "../protocol.ts";
import type { SourceState } from "../status.ts";
import type { CallContext } from "./call.ts";

type Captured = "audio" | "camera";
const WORD: Record<Source, string> = { audio: "microphone", camera: "camera", screen: "screen" };

function wish(constraint: unknown, otherwise: number): number {
  if (typeof constraint === "number") return constraint;
  const { exact, ideal, max } = (constraint ?? {}) as { exact?: number; ideal?: number; max?: number };
  return exact ?? ideal ?? (max === undefined ? otherwise : Math.min(max, otherwise));
}

export class Sources {
  private limits: Partial<Limits> = {};
  /** Devices that went away by themselves. An unplugged one is used again when it is back. */
  private readonly missing = new Map<Captured, "unplugged" | "revoked">();
  private closed = false;

  constructor(
    private readonly context: CallContext,
    private readonly devices: Devices,
    private readonly sound: Sound,
    private readonly use: (name: Source, track: MediaStreamTrack | null) => Promise<void>,
  ) {}

  track(name: Source): MediaStreamTrack | null {
    return this.devices.track(name);
  }

  close(): void {
    this.closed = true; // a question that is answered later changes nothing any more
    this.devices.close();
  }

  /** Opens what the options ask for with one question; `testOnly` opens no device at all. */
  async open(limits: Partial<Limits>, testOnly: boolean): Promise<void> {
    this.limits = limits;
    const { store, options } = this.context;
    const wanted = (["audio", "camera"] as const).filter((name) => this.constraints(name) !== false);
    if (testOnly) wanted.forEach((name) => this.test(name));
    else {
      store.set(Object.fromEntries(wanted.map((name) => [name, "opening" satisfies SourceState])));
      try {
        await this.openDevices();
      } catch (cause) {
        if (options.fallback !== "test-signal") throw cause;
        await this.openWhatIsThere(cause, wanted);
      }
    }
    for (const name of wanted) await this.changed(name);
    void this.refreshChoices();
  }

  /** The person's switch. A muted microphone keeps its device and sends silence; a camera that is off gives its device back. */
  async toggle(name: Captured): Promise<void> {
    const { store } = this.context;
    const state = store.now[name];
    if (state === "opening" || this.constraints(name) === false) return;
    const track = this.devices.track(name);
    if (state === "muted") await this.switchOn(name, track);
    else if (name === "audio" && track) {
      track.enabled = false;
      await this.changed(name);
    } else {
      this.devices.release(name);
      await this.changed(name);
    }
  }

  /** One after the other, so that each question names one device. */
  async useDevices(): Promise<void> {
    for (const name of ["camera", "audio"] as const) {
      if (this.devices.isTest(name)) await this.choose(name, null);
    }
  }

  async toggleScreen(): Promise<void> {
    const { store } = this.context;
    if (store.now.screen === "on") this.devices.release("screen");
    else {
      store.set({ screen: "opening" });
      try {
        await this.devices.openScreen(Math.min(15, this.limits.max_frame_rate ?? 15));
      } catch (cause) {
        this.notice(this.sentence(cause));
      }
    }
    await this.changed("screen");
  }

  /** Another device of the person's choice, or the real one in the place of a test signal. The old one stays when it fails. */
  async choose(name: Captured, id: string | null): Promise<void> {
    const { store } = this.context;
    const constraints = this.constraints(name);
    if (constraints === false) return;
    const enabled = this.devices.track(name)?.enabled ?? true;
    try {
      if (id === TEST_SIGNAL) this.test(name);
      else await this.devices.replace(name, constraints, id);
      const track = this.devices.track(name);
      if (track) track.enabled = enabled;
      const kind = name === "audio" ? "microphone" : "camera";
      this.missing.delete(name);
      if (!this.closed) store.set({ notice: null, chosen: { ...store.now.chosen, [kind]: id } });
    } catch (cause) {
      this.notice(this.sentence(cause));
    }
    await this.changed(name);
    void this.refreshChoices();
  }

  /** A device went away while it was used: the system's default takes its place, when there is one. */
  async lost(name: Source): Promise<void> {
    if (name !== "screen") await this.substitute(name);
    await this.changed(name);
    void this.refreshChoices();
  }

  /** Devices were plugged in or out. */
  async devicesChanged(): Promise<void> {
    await this.refreshChoices();
    const { choices } = this.context.store.now;
    for (const [name, why] of [...this.missing]) {
      const plugged = choices[name === "audio" ? "microphone" : "camera"].length > 0;
      if (plugged && why === "unplugged" && !this.closed && this.missing.delete(name)) await this.choose(name, null);
    }
  }

  private async substitute(name: Captured): Promise<void> {
    const constraints = this.constraints(name);
    if (constraints === false) return;
    try {
      const track = await this.devices.replace(name, constraints, null);
      this.notice(`The ${WORD[name]} was unplugged. Now using ${track.label || "another one"}.`);
    } catch (cause) {
      console.info("smallrtc-lab: no other device", cause);
      if (this.context.options.fallback === "test-signal") this.test(name);
      const why = asProblem(cause).code === "permission-denied" ? "revoked" : "unplugged";
      this.missing.set(name, why);
      this.notice(this.goneSentence(why));
    }
  }

  private goneSentence(why: "unplugged" | "revoked"): string {
    const words = (["camera", "audio"] as const).filter((name) => this.missing.get(name) === why).map((name) => WORD[name]);
    const [what, were] = [words.join(" and "), words.length > 1 ? "were" : "was"];
    return why === "revoked"
      ? `The permission for your ${what} was taken back. Allow it at the icon left of the address, then switch it on again.`
      : `The ${what} ${were} unplugged. Plug in one and it is used again.`;
  }

  async refreshChoices(): Promise<void> {
    try {
      const choices = await listDevices();
      if (!this.closed) this.context.store.set({ choices });
    } catch (cause) {
      console.warn("smallrtc-lab: the browser does not list its devices", cause);
    }
  }

  /** Tells Python which sources are on and what the browser granted. */
  tellStatus(): void {
    for (const name of ["audio", "camera", "screen"] as const) this.signal(name);
    this.tellSettings();
  }

  private constraints(name: Captured): false | Constraints {
    const { audio, video } = this.context.options;
    if (name === "audio") return audio;
    return video === false ? false : clipVideo(video, this.limits);
  }

  private async openDevices(): Promise<void> {
    const { store } = this.context;
    const { camera, microphone } = store.now.chosen;
    const audio = this.picked("audio") ? this.test("audio") : this.constraints("audio");
    const video = this.picked("camera") ? this.test("camera") : this.constraints("camera");
    if (!audio && !video) return;
    try {
      await this.devices.open(audio && withDevice(audio, microphone), video && withDevice(video, camera));
    } catch (cause) {
      const gone = cause instanceof LabError && cause.problem.code === "overconstrained" && (camera || microphone);
      if (!gone) throw cause;
      store.set({ chosen: { ...store.now.chosen, camera: null, microphone: null } }); // the picked device is not plugged in now
      await this.devices.open(audio, video);
    }
  }

  /** Test signals for what cannot be had, devices for what can: someone with a microphone and no camera is heard. */
  private async openWhatIsThere(cause: unknown, wanted: readonly Captured[]): Promise<void> {
    const missing = asProblem(cause);
    for (const name of wanted) {
      if (missing.code === "no-device" && wanted.length > 1) {
        const constraints = this.constraints(name);
        const found = constraints !== false && (await this.devices.replace(name, constraints, null).catch(() => null));
        if (found) continue;
      }
      this.test(name);
    }
    const [secure] = missing.code === "insecure-origin" ? [missing.next_step] : [];
    this.notice([missing.message, secure, "A test signal takes its place."].filter(Boolean).join(" "));
  }

  /** Whether the person wants the test signal in the place of this device. */
  private picked(name: Captured): boolean {
    const { camera, microphone } = this.context.store.now.chosen;
    return this.constraints(name) !== false && (name === "audio" ? microphone : camera) === TEST_SIGNAL;
  }

  private notice(notice: string): void {
    if (!this.closed) this.context.store.set({ notice });
  }

  private test(name: Captured): false {
    if (this.closed) return false;
    if (name === "audio") this.devices.adopt(name, testTone(this.sound.context));
    else {
      const video = this.constraints("camera") || {};
      const [width, height] = [wish(video["width"], 640), wish(video["height"], 480)];
      this.devices.adopt(name, testPicture(width, height, wish(video["frameRate"], 30)));
    }
    return false; // so no device is to be opened
  }

  private async switchOn(name: Captured, held: MediaStreamTrack | null): Promise<void> {
    if (held) held.enabled = true;
    else {
      const { store } = this.context;
      store.set({ [name]: "opening" });
      const kind = name === "audio" ? "microphone" : "camera";
      await this.choose(name, store.now.chosen[kind]);
      return;
    }
    await this.changed(name);
  }

  private async changed(name: Source): Promise<void> {
    if (this.closed) return;
    const { store } = this.context;
    const track = this.devices.track(name);
    await this.use(name, track);
    if (this.closed) return;
    const stream = track ? new MediaStream([track]) : null;
    const off: SourceState = name === "screen" ? "off" : "muted";
    const on: SourceState = this.devices.isTest(name) ? "test" : "on";
    const state: SourceState = track?.enabled ? on : off;
    store.set(name === "camera" ? { camera: state, preview: stream } : name === "screen" ? { screen: state, shared: stream } : { audio: state });
    if (store.now.state === "live") {
      this.signal(name);
      this.tellSettings();
    }
  }

  /** A muted microphone goes on sending, silence: to Python it is switched on, or its sound would stand still. */
  private signal(name: Source): void {
    const enabled = this.devices.track(name) !== null;
    this.context.channel.signal({ type: "trackStatus", receiver_index: SECTION[name], enabled });
  }

  private tellSettings(): void {
    const [audio, video, screen] = (["audio", "camera", "screen"] as const).map((name) => this.devices.settings(name));
    this.context.tell({ type: "settings", audio: audio ?? null, video: video ?? null, screen: screen ?? null });
  }

  private sentence(cause: unknown): string {
    const { message, next_step } = asProblem(cause);
    return [message, next_step].filter(Boolean).join(" ");
  }
}
