// The widget's own comm as a line, for hosts without our server extension: VS Code, Colab, a Jupyter that was not restarted.
// The kernel's main thread hands everything on, so a cell that runs holds it up. Media never goes this way; plots do.
import type { Home, Problem } from "../errors.ts";
import { LabError, PROBLEMS, readHome } from "../errors.ts";
import type { CommModel } from "../model.ts";
import type { Candidate, OfferBody } from "../negotiation.ts";
import type { EngineMessage } from "../protocol.ts";
import { isEngineMessage } from "../protocol.ts";
import type { Line, LineEvents, PipeEvents } from "./line.ts";
import type { Answer, Offering } from "./server.ts";
import { isAnswer, refusal } from "./server.ts";

/** The end of a comm is known to be the kernel's, and no crash of the engine: so it is a problem of its own, with the same words. */
const COMM_ENDED: Problem = { ...PROBLEMS.kernelGone };

type Said = Record<string, unknown>;

/** A host disposes of its comms a moment after it has said that a kernel restarts. */
const CHECK_MS = 300;

/** Messages of one kind; what they are is decided by `read`. A kernel that says nothing is no end: who waits has a deadline. */
export class CommPipe<Message> {
  protected wanted = false;

  constructor(
    private readonly model: CommModel,
    /** A random name: other tabs hear everything, too. */
    private readonly page: string,
    protected readonly events: PipeEvents<Message>,
    private readonly read: (message: unknown, buffers: unknown) => Message | null,
  ) {
    model.on("msg:custom", this.heard);
    model.on("comm_live_update", this.doubted);
  }

  open(): void {
    if (this.wanted) return;
    this.wanted = true;
    this.events.opened();
  }

  redial(): void {
    if (this.wanted) this.events.opened();
  }

  close(): void {
    if (this.wanted) this.say({ kind: "left" });
    this.wanted = false;
  }

  /** Nothing more is heard, either. */
  dispose(): void {
    this.close();
    this.model.off("msg:custom", this.heard);
    this.model.off("comm_live_update", this.doubted);
  }

  send<T extends { type: string }>(message: T): boolean {
    if (this.wanted) this.say({ kind: "message", message });
    return this.wanted;
  }

  /** A comm whose kernel was restarted raises, and that is its end. */
  protected say(said: Said): void {
    try {
      this.model.send({ smallrtc: { page: this.page, ...said } });
    } catch (cause) {
      console.info("smallrtc-lab: nobody is at the other end of the comm", cause);
      if (!this.wanted) return;
      this.wanted = false;
      queueMicrotask(() => this.events.closed(COMM_ENDED, true)); // not in the midst of what is being said
    }
  }

  /** ipywidgets doubts its comms, as it does when a kernel restarts: asking shows. */
  private readonly doubted = (): void => {
    setTimeout(() => {
      if (this.wanted) this.say({ kind: "there" });
    }, CHECK_MS);
  };

  protected told(said: Said, buffers: unknown): void {
    if (said["kind"] !== "message" || !this.wanted) return;
    const message = this.read(said["message"], buffers);
    if (message) this.events.message(message);
    else console.warn("smallrtc-lab: a message of the kernel was not understood", said["message"]);
  }

  private readonly heard = (content: unknown, buffers: unknown): void => {
    const said = (content as { smallrtc?: Said } | null)?.smallrtc;
    if (said?.["page"] === this.page) this.told(said, buffers); // else another tab's, or the application's own
  };
}

interface Pending {
  resolve(body: unknown): void;
  reject(cause: unknown): void;
}

/** A session's line: also its offers go this way, and Python tells where the page is. */
export class CommLine extends CommPipe<EngineMessage> implements Line, Offering {
  private number = 0;
  private readonly pending = new Map<number, Pending>();

  constructor(
    model: CommModel,
    page: string,
    events: LineEvents,
    private readonly arrived: (home: Home) => void,
  ) {
    super(model, page, events, (message) => (isEngineMessage(message) ? message : null));
  }

  override close(): void {
    super.close();
    for (const { reject } of this.pending.values()) reject(new DOMException("the page has left", "AbortError"));
    this.pending.clear();
  }

  async offer(body: OfferBody, signal: AbortSignal): Promise<Answer> {
    const answer = await this.request("offer", body, signal);
    if (!isAnswer(answer)) throw new LabError("bad-answer", "Python's answer to the offer made no sense.", "Restart the kernel.");
    return answer;
  }

  async patch(pcId: string, candidates: Candidate[], signal: AbortSignal): Promise<void> {
    await this.request("patch", { pc_id: pcId, candidates }, signal);
  }

  private request(method: string, body: unknown, signal: AbortSignal): Promise<unknown> {
    signal.throwIfAborted();
    const id = ++this.number;
    return new Promise((resolve, reject) => {
      this.pending.set(id, { resolve, reject });
      signal.addEventListener("abort", () => {
        this.pending.delete(id);
        reject(signal.reason as Error);
      });
      this.say({ kind: "request", id, method, body });
    });
  }

  protected override told(said: Said, buffers: unknown): void {
    if (said["kind"] === "answer") this.answered(said);
    else if (said["kind"] === "home") {
      const home = readHome(said["home"]);
      if (home) this.arrived(home);
    } else super.told(said, buffers);
  }

  private answered({ id, status, body }: Said): void {
    const waiting = this.pending.get(Number(id));
    this.pending.delete(Number(id));
    if (status === 200) waiting?.resolve(body);
    else waiting?.reject(refusal(Number(status), body));
  }
}
