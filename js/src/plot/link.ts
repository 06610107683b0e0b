// One view's socket: says hello, acknowledges what was shown, and turns what happens to the socket into a state to read.
import type { Problem } from "../errors.ts";
import { PROBLEMS } from "../errors.ts";
import type { Place } from "../signaling/server.ts";
import { ServerSocket } from "../signaling/socket.ts";
import type { PlotMessage, ViewMessage } from "./messages.ts";
import { parsePlotMessage } from "./messages.ts";

export interface LinkEvents {
  /** What to say first on a new socket, or to an engine that came back; null while it is not known. */
  hello(): ViewMessage | null;
  message(message: PlotMessage): void;
  /** Nobody draws any more, and why; null: somebody does again. */
  trouble(problem: Problem | null): void;
}

export class PlotLink {
  private readonly socket: ServerSocket<PlotMessage>;
  private greeted = false;
  /** An engine has drawn this plot since the page was loaded. */
  private known = false;

  constructor(
    place: Place,
    session: string,
    plot: string,
    private readonly events: LinkEvents,
  ) {
    this.socket = new ServerSocket(
      place,
      session,
      {
        opened: () => this.greet(),
        message: (message) => this.received(message),
        closed: (problem) => this.closed(problem),
      },
      parsePlotMessage,
      plot,
    );
  }

  open(): void {
    this.socket.open();
  }

  close(): void {
    this.socket.close();
  }

  /** Says it when the engine knows this view, or else hello as soon as there is all to say. */
  tell(message: ViewMessage): void {
    if (this.greeted) this.socket.send(message);
    else this.greet();
  }

  private greet(): void {
    const hello = this.events.hello();
    this.greeted = hello !== null && this.socket.send(hello);
  }

  private received(message: PlotMessage): void {
    if (message.type === "engine" && message.state === "absent") this.events.trouble(this.known ? PROBLEMS.engineLost : PROBLEMS.kernelGone);
    else if (message.type === "engine") this.greet();
    else {
      if (message.type === "welcome") {
        this.known = true;
        this.events.trouble(null);
      }
      this.events.message(message);
    }
  }

  private closed(problem: Problem | null): void {
    this.greeted = false;
    if (problem) this.events.trouble(this.known && problem.code === PROBLEMS.kernelGone.code ? PROBLEMS.serverRestarted : problem);
  }
}
