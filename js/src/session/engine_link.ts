// Whether the engine is at the other end of the session socket: greeting it, waiting for it to start, noticing that it is gone.
import type { Home, Problem } from "../errors.ts";
import { CELL_RUNS, PROBLEMS } from "../errors.ts";
import type { EngineMessage, PageMessage, Welcome } from "../protocol.ts";
import { VERSION } from "../protocol.ts";
import type { Model } from "../model.ts";
import { readOptions } from "../model.ts";
import { CommLine } from "../signaling/comm.ts";
import type { Line, LineEvents } from "../signaling/line.ts";
import type { Offering, Place } from "../signaling/server.ts";
import { Signaling } from "../signaling/server.ts";
import { SessionSocket } from "../signaling/socket.ts";
import type { Store } from "../status.ts";
import { isQuiet } from "../status.ts";
import { Gate } from "./waiting.ts";

/** An engine that starts with its kernel needs a moment before it can be here; on a small, busy machine a long one. */
const ENGINE_START_MS = 20_000;
/** A kernel that has nothing else to do answers on the widget's comm in a tenth of that. */
const COMM_ANSWER_MS = 5000;
/** What there is no way around but the comm: nobody at this server speaks our protocol. */
const NO_WAY = new Set([PROBLEMS.noExtension.code, PROBLEMS.noJupyter.code]);
const BY_COMM = "Without Jupyter's server extension the page and Python speak through the notebook: while a cell runs, Start may wait for it.";

export interface LinkEvents {
  /** `hello` was sent on a new socket: the moment to say how things stand. */
  greeted(): void;
  welcomed(welcome: Welcome): void;
  message(message: EngineMessage): void;
  /** Nobody is at the other end any more. */
  gone(problem: Problem): void;
}

export class EngineLink {
  readonly page = crypto.randomUUID?.() ?? `page-${Date.now()}-${Math.random().toString(36).slice(2)}`;
  private readonly lineEvents: LineEvents = {
    opened: () => this.greet(),
    message: (message) => this.received(message),
    closed: (problem, final) => this.closed(problem, final),
  };
  private line: Line;
  private asking: Offering;
  private comm: CommLine | null = null;
  /** Where the page is, as Python told by the comm. */
  home: Home | null = null;
  /** The line to the server, while the comm is tried because it does not answer. */
  private unanswered: { line: Line; asking: Offering } | null = null;
  private triedComm = false;
  private saidByComm = false;
  /** Why the comm had to be tried. */
  private refusal: Problem | null = null;
  private welcome: Welcome | null = null;
  private gate = new Gate<Welcome>();
  private startTimer: ReturnType<typeof setTimeout> | null = null;
  /** An engine had this session since the page was loaded. */
  private known = false;
  /** The view came out of a saved notebook, and no kernel knows it. */
  private saved = false;

  constructor(
    place: Place | null,
    session: string,
    private readonly model: Model,
    private readonly store: Store,
    private readonly events: LinkEvents,
  ) {
    const byComm = readOptions(model).by_comm ?? false;
    if (byComm) this.refusal = CELL_RUNS;
    if (place && !byComm) {
      this.line = new SessionSocket(place, session, this.lineEvents);
      this.asking = new Signaling(place, session);
    } else this.line = this.asking = this.comm = this.newComm();
  }

  /** Where offers go. */
  get offering(): Offering {
    return this.asking;
  }

  /** Offers wait for the kernel's main thread. */
  get waitsForCells(): boolean {
    return this.comm !== null;
  }

  open(): void {
    if (this.startTimer === null && this.welcome === null) {
      this.startTimer = setTimeout(() => this.startIsOver(), this.comm ? COMM_ANSWER_MS : ENGINE_START_MS);
    }
    this.line.open();
  }

  /** Opens the socket anew; resolves with the engine's next welcome. */
  async reachAgain(): Promise<void> {
    this.store.set({ link: "lost" });
    this.welcome = null;
    this.gate = new Gate<Welcome>();
    this.line.redial();
    await this.gate.passed;
  }

  close(): void {
    this.clearTimer();
    this.line.close();
  }

  /** It is never opened again. */
  dispose(): void {
    this.close();
    this.comm?.dispose();
  }

  send(message: PageMessage): boolean {
    return this.line.send(message);
  }

  whenWelcome(): Promise<Welcome> {
    return this.welcome ? Promise.resolve(this.welcome) : this.gate.passed;
  }

  /** A view that no kernel knows: an engine may be there all the same, and welcome it. */
  restored(): void {
    this.saved = true;
    if (this.welcome === null) this.lost(PROBLEMS.savedView);
  }

  private greet(): void {
    this.store.set({ owner: "nobody" }); // else it is told before the welcome
    this.send({ type: "hello", version: VERSION, page: this.page, visible: !document.hidden });
    this.events.greeted();
  }

  private received(message: EngineMessage): void {
    if (message.type === "welcome") this.gotWelcome(message);
    else if (message.type !== "engine") this.passOn(message);
    else if (message.state === "absent") this.absent();
    else if (this.store.now.link === "absent") this.greet(); // another engine, which does not know this page yet
  }

  private passOn(message: EngineMessage): void {
    if (message.type === "ice-servers" && this.welcome) this.welcome = { ...this.welcome, ice_servers: message.ice_servers };
    this.events.message(message);
  }

  private gotWelcome(welcome: Welcome): void {
    this.clearTimer();
    this.welcome = welcome;
    this.unanswered = null;
    this.known = true;
    this.saved = false;
    this.gate.open(welcome);
    const { error, state } = this.store.now;
    const cured = error !== null && (error.code === PROBLEMS.unreachable.code || error === this.refusal || isQuiet(error));
    if (cured && state === "failed") this.store.set({ state: "idle" });
    this.store.set({ link: "open", error: cured ? null : error, ...this.byComm() });
    this.events.welcomed(welcome);
  }

  /** Said once: whoever has dismissed it has read it. */
  private byComm(): { notice?: string } {
    const { comm, home, refusal } = this;
    const said = this.saidByComm;
    this.saidByComm = comm !== null;
    if (comm === null || said || (home === null && refusal === null)) return {};
    return { notice: home?.notice ?? BY_COMM };
  }

  private absent(): void {
    const starting = this.startTimer !== null && this.welcome === null;
    if (!starting) this.lost(this.saved ? PROBLEMS.savedView : PROBLEMS.kernelGone);
  }

  private startIsOver(): void {
    this.startTimer = null;
    if (this.welcome !== null) return;
    if (this.unanswered) this.backToServer(this.unanswered);
    else if (this.store.now.link !== "opening") return;
    else if (this.comm === null) this.fallBack(PROBLEMS.kernelGone);
    else this.lost(this.refusal ?? PROBLEMS.kernelGone);
  }

  private newComm(): CommLine {
    return new CommLine(this.model, this.page, this.lineEvents, (home) => {
      this.home = home;
    });
  }

  /** The server leads nowhere: perhaps the kernel itself is there, and does. */
  private fallBack(why: Problem): void {
    this.clearTimer();
    this.line.close();
    this.refusal = why;
    this.triedComm = true;
    if (why.code === PROBLEMS.unreachable.code) this.unanswered = { line: this.line, asking: this.asking };
    this.line = this.asking = this.comm = this.newComm();
    this.startTimer = setTimeout(() => this.startIsOver(), COMM_ANSWER_MS);
    this.line.open();
  }

  /** The kernel does not answer either: the server may come back. */
  private backToServer({ line, asking }: { line: Line; asking: Offering }): void {
    this.comm?.dispose();
    this.comm = this.unanswered = this.refusal = null;
    this.line = line;
    this.asking = asking;
    line.open();
  }

  /** Whether the comm is the next thing to try: nobody here speaks our protocol, or a page that never heard of Python reaches no server. */
  private wantsComm(problem: Problem): boolean {
    const silent = problem.code === PROBLEMS.unreachable.code && !this.known && !this.triedComm;
    return this.comm === null && (NO_WAY.has(problem.code) || silent);
  }

  private closed(problem: Problem | null, final: boolean): void {
    if (problem && this.wantsComm(problem)) this.fallBack(problem);
    else if (problem && final) this.lost(problem);
    else if (problem?.code === PROBLEMS.kernelGone.code) this.unknown();
    else this.store.set({ link: "lost", owner: "nobody" });
  }

  /** The server knows no such session. It forgets none that it had, unless it is another one by now. */
  private unknown(): void {
    if (this.known) this.lost(PROBLEMS.serverRestarted);
    else this.absent();
  }

  private lost(problem: Problem): void {
    this.clearTimer();
    this.welcome = null;
    this.gate = new Gate<Welcome>();
    this.events.gone(problem);
    this.store.set({ link: "absent", processors: { video: null, audio: null } });
  }

  private clearTimer(): void {
    if (this.startTimer !== null) clearTimeout(this.startTimer);
    this.startTimer = null;
  }
}
