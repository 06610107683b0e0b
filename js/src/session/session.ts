// One widget model on one page: the session socket, the snapshot, at most one call, and the rule that nothing outlives its views.
import type { Problem } from "../errors.ts";
import { PROBLEMS } from "../errors.ts";
import type { Model, Options } from "../model.ts";
import { readOptions, tell } from "../model.ts";
import { receiveOnly } from "../negotiation.ts";
import { Channel } from "../peer/channel.ts";
import type { ControlValue, EngineMessage, PageMessage, Welcome } from "../protocol.ts";
import { VERSION } from "../protocol.ts";
import type { Place } from "../signaling/server.ts";
import { Signaling } from "../signaling/server.ts";
import { SessionSocket } from "../signaling/socket.ts";
import type { Snapshot } from "../status.ts";
import { ended, FIRST, Store, withTrouble } from "../status.ts";
import { Call } from "./call.ts";
import { changeFor } from "./incoming.ts";
import { PageLab } from "./page_lab.ts";
import { Gate } from "./waiting.ts";

/** After the last view is gone: a cell that runs again puts its new view up within that time. */
const VIEWS_GONE_MS = 2000;
/** An engine that starts with its kernel needs a moment before it can be here. */
const ENGINE_START_MS = 5000;
/** An engine that crashed and comes back within that time finds the call resumed. */
const RESUME_MS = 15_000;
const LEVEL_MS = 100;

function opens({ audio, video }: Options): string | null {
  if (audio && video) return "camera and microphone";
  if (audio || video) return audio ? "microphone" : "camera";
  return null;
}

export class Session {
  readonly store: Store;
  readonly lab: PageLab;
  readonly options: Options;
  private readonly page = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
  private readonly signaling: Signaling | null = null;
  private readonly socket: SessionSocket | null = null;
  private readonly channel: Channel;
  private readonly controls = new Map<string, { callback: string; name: string; value: ControlValue }>();
  private readonly undo: (() => void)[] = [];
  private call: Call | null = null;
  private welcome: Welcome | null = null;
  private welcomed = new Gate<Welcome>();
  private clicked = false;
  /** A call was made since the page loaded: a late `welcome` does not undo the person's Stop. */
  private started = false;
  private views = 0;
  private viewsTimer: ReturnType<typeof setTimeout> | null = null;
  private engineTimer: ReturnType<typeof setTimeout> | null = null;
  private levelTimer: ReturnType<typeof setInterval> | null = null;
  private resumeUntilMs = 0;

  constructor(
    private readonly model: Model,
    place: Place | null,
  ) {
    this.options = readOptions(model);
    this.store = new Store({ ...FIRST, opens: opens(this.options), link: place ? "opening" : "none" });
    this.channel = new Channel({
      message: (message) => this.lab.deliver(message),
      signalling: (message) => {
        if (message.type === "renegotiate") void this.call?.renegotiate();
        if (message.type === "peerLeft") this.stop("Python ended the connection.");
      },
      dropped: (count, why) => this.messagesDropped(count, why),
      closed: () => void this.call?.recover(1000),
    });
    this.lab = new PageLab({
      send: (message) => this.channel.send(message),
      state: () => this.store.now.state,
      returned: () => this.store.now.returned,
      heard: () => this.call?.heard ?? null,
    });
    const id = model.get("_session");
    if (!place || !id) return;
    this.signaling = new Signaling(place, id);
    this.socket = new SessionSocket(place, id, {
      opened: () => this.hello(),
      message: (message) => this.received(message),
      closed: (problem, final) => this.socketClosed(problem, final),
    });
    this.undo.push(this.store.subscribe((now, before) => this.told(now, before)));
    this.listenToPage();
    this.openSocket();
  }

  // -- what a person does

  /** The one gesture that opens devices. */
  startByClick(): void {
    this.clicked = true;
    this.start(false);
  }

  stop(notice: string | null = null): void {
    this.resumeUntilMs = 0;
    this.endCall();
    this.store.set({ ...ended(), state: "idle", error: null, wanted: false, notice });
  }

  toggle(name: "audio" | "camera"): void {
    void this.call?.sources.toggle(name);
  }

  toggleScreen(): void {
    void this.call?.sources.toggleScreen();
  }

  listen(on: boolean): void {
    void this.call?.listen(on);
  }

  choose(kind: "camera" | "microphone" | "speaker", id: string | null): void {
    const { store } = this;
    if (!this.call) store.set({ chosen: { ...store.now.chosen, [kind]: id } });
    else if (kind === "speaker") void this.call.useSpeaker(id);
    else void this.call.sources.choose(kind === "camera" ? "camera" : "audio", id);
  }

  /** In the place of a test signal, the real devices. */
  useDevices(): void {
    this.clicked = true;
    for (const name of ["audio", "camera"] as const) {
      if (this.store.now[name] === "test") void this.call?.sources.choose(name, null);
    }
  }

  /** A slider moved: at most one message a control and animation frame. */
  control(callback: string, name: string, value: ControlValue): void {
    if (this.controls.size === 0) requestAnimationFrame(() => this.sendControls());
    this.controls.set(`${callback}\0${name}`, { callback, name, value });
  }

  dismiss(code: string): void {
    this.store.set({ troubles: this.store.now.troubles.filter((one) => one.code !== code) });
  }

  dismissError(): void {
    if (this.store.now.state === "failed") this.store.set({ state: "idle" });
    this.store.set({ error: null });
  }

  dismissNotice(): void {
    this.store.set({ notice: null });
  }

  levelDb(): number | null {
    return this.call?.levelDb() ?? null;
  }

  // -- views: the session lives while somebody can see it

  viewAdded(): void {
    this.views += 1;
    if (this.viewsTimer !== null) clearTimeout(this.viewsTimer);
    this.viewsTimer = null;
    this.openSocket();
  }

  viewRemoved(): void {
    this.views -= 1;
    if (this.views === 0) this.viewsTimer = setTimeout(() => this.suspend(), VIEWS_GONE_MS);
  }

  dispose(): void {
    if (this.viewsTimer !== null) clearTimeout(this.viewsTimer);
    this.suspend();
    for (const undo of this.undo.splice(0)) undo();
  }

  // -- inside

  /** `testOnly`: Python asked, nobody clicked yet, and a test signal is allowed: no device is opened. */
  private start(testOnly: boolean): void {
    if (this.call || !this.signaling) return;
    this.openSocket();
    const { store, signaling, channel, options, page } = this;
    const context = { store, signaling, channel, options, page };
    const call = new Call({
      ...context,
      tell: (message) => void this.send(message),
      failed: (problem) => this.fail(problem),
    });
    this.call = call;
    this.started = true;
    if (options.audio) this.levelTimer = setInterval(() => this.tellLevel(), LEVEL_MS);
    void call.run(() => this.whenWelcome(), testOnly);
  }

  private startByPython(): void {
    if (this.clicked || receiveOnly(this.options)) this.start(false);
    else if (this.options.fallback === "test-signal") this.start(true);
    else if (!this.call) this.store.set({ wanted: true });
  }

  private endCall(): void {
    if (this.levelTimer !== null) clearInterval(this.levelTimer);
    this.levelTimer = null;
    this.call?.close();
    this.call = null;
    tell(this.model, "level_db", null);
  }

  private fail(problem: Problem): void {
    this.endCall();
    this.store.set({ ...ended(), state: "failed", error: problem });
    this.channel.forget();
  }

  private suspend(): void {
    this.viewsTimer = null;
    if (this.call) this.stop();
    this.clearEngineTimer();
    this.socket?.close();
  }

  private listenToPage(): void {
    const visible = () => void this.send({ type: "visible", visible: !document.hidden });
    const hide = () => this.suspend();
    const show = (event: PageTransitionEvent) => {
      if (event.persisted && this.views > 0) this.openSocket();
    };
    document.addEventListener("visibilitychange", visible);
    window.addEventListener("pagehide", hide);
    window.addEventListener("pageshow", show);
    this.undo.push(() => {
      document.removeEventListener("visibilitychange", visible);
      window.removeEventListener("pagehide", hide);
      window.removeEventListener("pageshow", show);
    });
  }

  private openSocket(): void {
    if (this.engineTimer === null && this.welcome === null) this.armEngineTimer();
    this.socket?.open();
  }

  private send(message: PageMessage): boolean {
    return this.socket?.send(message) ?? false;
  }

  private hello(): void {
    this.send({ type: "hello", version: VERSION, page: this.page, visible: !document.hidden });
    const { state, error } = this.store.now;
    this.send({ type: "status", state, error });
    if (state === "live") this.call?.sources.tellStatus();
  }

  private received(message: EngineMessage): void {
    if (message.type === "welcome") this.gotWelcome(message);
    else if (message.type === "engine") this.engineIs(message.state);
    else if (message.type === "command") {
      if (message.command === "start") this.startByPython();
      else this.stop();
    } else this.store.set(changeFor(this.store.now, message));
  }

  private gotWelcome(welcome: Welcome): void {
    this.clearEngineTimer();
    this.welcome = welcome;
    this.welcomed.open(welcome);
    const { error, state } = this.store.now;
    const cured = error?.code === PROBLEMS.kernelGone.code || error?.code === PROBLEMS.unreachable.code;
    if (cured && state === "failed") this.store.set({ state: "idle" });
    this.store.set({ link: "open", error: cured ? null : error });
    if (Date.now() < this.resumeUntilMs) {
      this.resumeUntilMs = 0;
      this.start(false);
    } else if (welcome.started && !this.started) this.startByPython();
  }

  private whenWelcome(): Promise<Welcome> {
    return this.welcome ? Promise.resolve(this.welcome) : this.welcomed.passed;
  }

  private forgetWelcome(): void {
    this.welcome = null;
    this.welcomed = new Gate<Welcome>();
  }

  private engineIs(state: "here" | "absent"): void {
    if (state === "here") {
      if (this.store.now.link === "absent") this.hello(); // another engine, which does not know this page yet
      return;
    }
    if (this.engineTimer !== null && this.welcome === null) return; // it may still be starting
    this.engineAbsent();
  }

  /** Devices close at once: nobody is at the other end, and a camera light without a reason frightens. */
  private engineAbsent(): void {
    this.clearEngineTimer();
    if (this.call && this.store.now.state !== "asking") this.resumeUntilMs = Date.now() + RESUME_MS;
    this.forgetWelcome();
    this.over(PROBLEMS.kernelGone);
    this.store.set({ link: "absent", processors: { video: null, audio: null } });
  }

  private socketClosed(problem: Problem | null, final: boolean): void {
    const gone = problem?.code === PROBLEMS.kernelGone.code;
    if (gone && !final) {
      if (this.engineTimer === null) this.engineAbsent();
    } else if (final && problem) {
      this.clearEngineTimer();
      this.forgetWelcome();
      this.over(problem);
      this.store.set({ link: "absent" });
    } else this.store.set({ link: "lost" });
  }

  private over(problem: Problem): void {
    if (this.call) this.fail(problem);
    else this.store.set({ error: problem, wanted: false });
  }

  private armEngineTimer(): void {
    this.engineTimer = setTimeout(() => {
      this.engineTimer = null;
      if (this.welcome === null && this.store.now.link === "opening") this.engineAbsent();
    }, ENGINE_START_MS);
  }

  private clearEngineTimer(): void {
    if (this.engineTimer !== null) clearTimeout(this.engineTimer);
    this.engineTimer = null;
  }

  private told(now: Snapshot, before: Snapshot): void {
    if (now.state !== before.state || now.error !== before.error) {
      this.send({ type: "status", state: now.state, error: now.error });
      tell(this.model, "state", now.state);
      tell(this.model, "error", now.error);
    }
    if (now.stats !== before.stats) {
      tell(this.model, "fps", now.stats?.fps ?? null);
      tell(this.model, "route", now.stats?.route ?? null);
    }
  }

  private tellLevel(): void {
    const level = document.hidden ? null : this.levelDb();
    if (level !== null) tell(this.model, "level_db", Math.round(level * 10) / 10);
  }

  private sendControls(): void {
    for (const change of this.controls.values()) this.send({ type: "control", ...change });
    this.controls.clear();
  }

  private messagesDropped(count: number, why: string): void {
    const message = `${count} message${count === 1 ? "" : "s"} to Python were dropped: ${why}.`;
    const trouble = { type: "problem", code: "page-messages-dropped", message, next_step: null, detail: null, count } as const;
    this.store.set({ troubles: withTrouble(this.store.now.troubles, trouble) });
  }
}
