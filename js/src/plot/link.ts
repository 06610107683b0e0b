// One view's way to the engine: says hello, acknowledges what was shown, and turns what happens to the way into a state to read.
// It is a socket of its own, or the widget's comm where no server extension leads to the engine.
import type { Problem } from "../errors.ts";
import { PROBLEMS } from "../errors.ts";
import type { CommModel } from "../model.ts";
import { CommPipe } from "../signaling/comm.ts";
import type { PipeEvents } from "../signaling/line.ts";
import type { Place } from "../signaling/server.ts";
import { ServerSocket } from "../signaling/socket.ts";
import type { PlotMessage, ViewMessage } from "./messages.ts";
import { parsePlotMessage, readByComm } from "./messages.ts";

/** A kernel that has nothing else to do answers on the comm in a fraction of that. */
const COMM_ANSWER_MS = 5000;

export interface LinkEvents {
  /** What to say first on a new way, or to an engine that came back; null while it is not known. */
  hello(): ViewMessage | null;
  message(message: PlotMessage): void;
  /** Nobody draws any more, and why; null: somebody does again. */
  trouble(problem: Problem | null): void;
}

/** Which plot of which session, and whether a server leads there. */
export interface Subject {
  session: string;
  plot: string;
  by_comm?: boolean;
}

type Pipe = Pick<CommPipe<PlotMessage>, "open" | "close" | "send">;

export class PlotLink {
  private readonly pipeEvents: PipeEvents<PlotMessage> = {
    opened: () => this.greet(),
    message: (message) => this.received(message),
    closed: (problem) => this.closed(problem),
  };
  private readonly socket: Pipe | null;
  private comm: CommPipe<PlotMessage> | null = null;
  private greeted = false;
  /** An engine has drawn this plot since the page was loaded. */
  private known = false;
  private triedComm = false;
  private timer: ReturnType<typeof setTimeout> | null = null;

  constructor(
    place: Place | null,
    { session, plot, by_comm: byComm }: Subject,
    private readonly model: CommModel,
    private readonly events: LinkEvents,
  ) {
    this.socket = place && !byComm ? new ServerSocket(place, session, this.pipeEvents, parsePlotMessage, plot) : null;
    if (!this.socket) this.comm = this.newComm();
  }

  open(): void {
    this.pipe?.open();
  }

  close(): void {
    this.clearTimer();
    this.socket?.close();
    this.comm?.dispose();
  }

  /** Says it when the engine knows this view, or else hello as soon as there is all to say. */
  tell(message: ViewMessage): void {
    if (this.greeted) this.pipe?.send(message);
    else this.greet();
  }

  private get pipe(): Pipe | null {
    return this.comm ?? this.socket;
  }

  private newComm(): CommPipe<PlotMessage> {
    const view = crypto.randomUUID?.() ?? `view-${Date.now()}-${Math.random().toString(36).slice(2)}`;
    return new CommPipe(this.model, view, this.pipeEvents, readByComm);
  }

  private greet(): void {
    const hello = this.events.hello();
    this.greeted = hello !== null && (this.pipe?.send(hello) ?? false);
  }

  private received(message: PlotMessage): void {
    if (message.type === "engine" && message.state === "absent") this.events.trouble(this.known ? PROBLEMS.engineLost : PROBLEMS.kernelGone);
    else if (message.type === "engine") this.greet();
    else {
      if (message.type === "welcome") {
        this.clearTimer();
        this.known = true;
        this.events.trouble(null);
      }
      this.events.message(message);
    }
  }

  private closed(problem: Problem | null): void {
    this.greeted = false;
    const missing = problem?.code === PROBLEMS.noExtension.code || problem?.code === PROBLEMS.noJupyter.code;
    if (problem && !this.triedComm && !this.known && (missing || problem.code === PROBLEMS.unreachable.code)) this.fallBack(problem);
    else if (problem) this.events.trouble(this.known && !this.comm && problem.code === PROBLEMS.kernelGone.code ? PROBLEMS.serverRestarted : problem);
  }

  /** The server leads nowhere: perhaps the kernel itself is there. When it is not, the server may come back. */
  private fallBack(why: Problem): void {
    this.triedComm = true;
    this.socket?.close();
    this.timer = setTimeout(() => {
      this.events.trouble(why);
      if (why.code !== PROBLEMS.unreachable.code) return;
      this.comm?.dispose();
      this.comm = null;
      this.greeted = false;
      this.socket?.open();
    }, COMM_ANSWER_MS);
    this.comm = this.newComm();
    this.comm.open();
  }

  private clearTimer(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
  }
}
