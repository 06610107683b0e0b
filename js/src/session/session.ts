// One widget model on one page: the snapshot, at most one call, and the rule that nothing outlives its views.
import type { Problem } from "../errors.ts";
import { atHome, CELL_RUNS, PROBLEMS } from "../errors.ts";
import type { Model } from "../model.ts";
import { readOptions } from "../model.ts";
import { receiveOnly } from "../negotiation.ts";
import type { ControlValue, EngineMessage, Welcome } from "../protocol.ts";
import type { Place } from "../signaling/server.ts";
import { ended } from "../status.ts";
import { Call } from "./call.ts";
import { Caller } from "./caller.ts";
import { diagnose } from "./diagnosis.ts";
import { EngineLink } from "./engine_link.ts";
import { changeFor } from "./incoming.ts";
import { mirrorLevel, mirrorStatus } from "./mirror.ts";
import { watchPage } from "./page_watch.ts";

/** After the last view is gone: a cell that runs again puts its new view up within that time, and the devices are off within 2 s. */
const VIEWS_GONE_MS = 1500;
/** An engine that crashed and comes back within that time finds the call resumed. */
const RESUME_MS = 15_000;
/** An engine that crashes again and again is given up within that time; a page that is not live meanwhile cannot tell by itself. */
const CRASHES_MS = 180_000;
/** The same for a server that does not answer: a train in a tunnel. */
const RESUME_SERVER_MS = 120_000;
/** The engine's refusal of an offer that crossed another page's. */
const LIVE_ELSEWHERE = "live-elsewhere";

export class Session extends Caller {
  private readonly link: EngineLink | null = null;
  private readonly controls = new Map<string, { callback: string; name: string; value: ControlValue }>();
  private readonly undo: (() => void)[] = [];
  private stopLevel: (() => void) | null = null;
  /** The person pressed Start since the page was loaded: from then on Python may start, too. */
  private clicked = false;
  /** A call was made since the page was loaded: a late `welcome` does not undo the person's Stop. */
  private started = false;
  private views = 0;
  private viewsTimer: ReturnType<typeof setTimeout> | null = null;
  private resumeUntilMs = 0;
  private crashedMs = -CRASHES_MS;

  constructor(
    private readonly model: Model,
    place: Place | null,
  ) {
    super(readOptions(model), "Python", { link: place ? "opening" : "none" });
    const id = model.get("_session");
    if (!id) return;
    this.link = new EngineLink(place, id, model, this.store, {
      greeted: () => this.greeted(),
      welcomed: (welcome) => this.welcomed(welcome),
      message: (message) => this.received(message),
      gone: (problem) => this.gone(problem),
    });
    this.undo.push(this.tellStatus(), mirrorStatus(this.store, model), this.watchPage());
    this.link.open();
  }

  // -- what a person does

  startByClick(): void {
    this.clicked = true;
    this.start(false);
  }

  /** The same gesture on a page whose lab is live in another tab: that one's devices close, this one's open. */
  takeOver(): void {
    this.clicked = true;
    this.link?.send({ type: "claim" });
    this.store.set({ owner: "you" });
    this.start(false);
  }

  override stop(notice: string | null = null): void {
    this.resumeUntilMs = 0;
    super.stop(notice);
  }

  override useDevices(): void {
    this.clicked = true;
    super.useDevices();
  }

  get returnsSound(): boolean {
    return this.store.now.processors.audio !== null || !this.options.audio;
  }

  /** A slider moved: at most one message a control and animation frame. */
  control(callback: string, name: string, value: ControlValue): void {
    if (this.controls.size === 0) requestAnimationFrame(() => this.sendControls());
    this.controls.set(`${callback}\0${name}`, { callback, name, value });
  }

  // -- views: the session lives while somebody can see it

  viewAdded(): void {
    this.views += 1;
    this.clearViewsTimer();
    this.link?.open();
  }

  viewRemoved(): void {
    this.views -= 1;
    if (this.views === 0) this.viewsTimer = setTimeout(() => this.suspend(), VIEWS_GONE_MS);
  }

  /** The view comes from a saved notebook: its model has no kernel behind it. */
  restored(): void {
    this.link?.restored();
  }

  dispose(): void {
    this.suspend();
    this.link?.dispose();
    for (const undo of this.undo.splice(0)) undo();
  }

  // -- the call

  /** `testOnly`: Python asked, nobody clicked yet, and a test signal is allowed: no device is opened. */
  private start(testOnly: boolean): void {
    const { store, link, channel, options } = this;
    if (this.call || !link) return;
    link.open();
    const call = new Call({
      store,
      signaling: link.offering,
      channel,
      options,
      page: link.page,
      tell: (message) => void link.send(message),
      reachAgain: () => link.reachAgain(),
      failed: (problem) => this.fail(problem),
    });
    this.call = call;
    this.started = true;
    if (options.audio) this.stopLevel = mirrorLevel(this.model, () => call.levelDb());
    void call.run(() => link.whenWelcome(), testOnly);
  }

  private startByPython(): void {
    if (this.store.now.owner === "another") return;
    if (this.clicked || receiveOnly(this.options)) this.start(false);
    else if (this.options.fallback === "test-signal") this.start(true);
    else if (!this.call) this.store.set({ wanted: true });
  }

  protected override endCall(): void {
    this.stopLevel?.();
    this.stopLevel = null;
    super.endCall();
  }

  protected fail(problem: Problem): void {
    this.endCall();
    if (problem.code === PROBLEMS.unreachable.code) this.resumeUntilMs = Date.now() + RESUME_SERVER_MS;
    if (problem.code === LIVE_ELSEWHERE) this.store.set({ ...ended(), state: "idle", owner: "another" });
    else this.store.set({ ...ended(), state: "failed", error: this.explained(problem) });
  }

  private explained(problem: Problem): Problem {
    if (problem.code === PROBLEMS.noWelcome.code && this.link?.waitsForCells) return CELL_RUNS;
    return atHome(problem, this.link?.home ?? null);
  }

  private suspend(): void {
    this.clearViewsTimer();
    if (this.call) this.stop();
    this.link?.close();
  }

  private clearViewsTimer(): void {
    if (this.viewsTimer !== null) clearTimeout(this.viewsTimer);
    this.viewsTimer = null;
  }

  // -- what the engine says

  private greeted(): void {
    const { state, error } = this.store.now;
    this.link?.send({ type: "status", state, error });
    if (state === "live") this.call?.sources.tellStatus();
  }

  private welcomed(welcome: Welcome): void {
    if (Date.now() < this.resumeUntilMs) {
      this.resumeUntilMs = 0;
      this.start(false);
    } else if (welcome.started && !this.started) this.startByPython();
  }

  private received(message: EngineMessage): void {
    if (message.type === "owner" && message.who === "another") this.yield();
    if (message.type === "diagnose") this.diagnose(message.id).catch((cause: unknown) => console.warn("smallrtc-lab: no diagnosis", cause));
    if (message.type === "ice-servers") this.call?.useIceServers(message.ice_servers);
    if (message.type === "ask") void this.call?.ask(message);
    if (message.type !== "command") this.store.set(changeFor(this.store.now, message));
    else if (message.command === "start") this.startByPython();
    else this.stop();
  }

  private async diagnose(id: number): Promise<void> {
    const pairs = (await this.call?.pairs()) ?? [];
    this.link?.send(await diagnose(id, pairs));
  }

  /** Another tab has the devices now: this one opens none, whatever was asked of it. */
  private yield(): void {
    if (this.call) this.stop();
    this.resumeUntilMs = 0;
    this.store.set({ state: "idle", error: null, notice: null, wanted: false });
  }

  protected peerLeft(): void {
    this.stop("Python ended the connection.");
  }

  /** Devices close at once: nobody is at the other end, and a camera light without a reason frightens. */
  private gone(problem: Problem): void {
    const wasUp = this.call !== null && this.store.now.state !== "asking";
    // a kernel that restarts, or a lab that is closed, stops the call first: what goes without a word has crashed
    const silent = problem === PROBLEMS.kernelGone;
    if (wasUp && silent) this.crashedMs = Date.now();
    if (wasUp) this.resumeUntilMs = Date.now() + RESUME_MS;
    const error = silent && Date.now() - this.crashedMs < CRASHES_MS ? PROBLEMS.engineLost : problem;
    if (this.call) this.fail(error);
    else this.store.set({ error, wanted: false });
  }

  // -- what others hear

  private tellStatus(): () => void {
    return this.store.subscribe(({ state, error }, before) => {
      if (state !== before.state || error !== before.error) this.link?.send({ type: "status", state, error });
    });
  }

  private watchPage(): () => void {
    return watchPage({
      visible: (visible) => void this.link?.send({ type: "visible", visible }),
      left: () => this.suspend(),
      online: () => {
        this.link?.open();
        this.call?.networkChanged();
      },
      broughtBack: () => {
        if (this.views > 0) this.link?.open();
      },
    });
  }

  private sendControls(): void {
    for (const change of this.controls.values()) this.link?.send({ type: "control", ...change });
    this.controls.clear();
  }
}
