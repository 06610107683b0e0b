// The widget's own comm as a line, for hosts without our server extension: VS Code, Colab, a Jupyter that was not restarted.
// The kernel's main thread hands everything on, so a cell that runs holds it up. Media never goes this way.
import { LabError } from "../errors.ts";
import type { Model } from "../model.ts";
import type { Candidate, OfferBody } from "../negotiation.ts";
import type { EngineMessage, PageMessage } from "../protocol.ts";
import { isEngineMessage } from "../protocol.ts";
import type { Line, LineEvents } from "./line.ts";
import type { Answer, Offering } from "./server.ts";
import { isAnswer, refusal } from "./server.ts";

interface Pending {
  resolve(body: unknown): void;
  reject(cause: unknown): void;
}

export class CommLine implements Line, Offering {
  private wanted = false;
  private number = 0;
  private readonly pending = new Map<number, Pending>();

  constructor(
    private readonly model: Model,
    private readonly page: string,
    private readonly events: LineEvents,
  ) {
    model.on("msg:custom", this.heard);
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
    for (const { reject } of this.pending.values()) reject(new DOMException("the page has left", "AbortError"));
    this.pending.clear();
  }

  /** Nothing more is heard, either. */
  dispose(): void {
    this.close();
    this.model.off("msg:custom", this.heard);
  }

  send(message: PageMessage): boolean {
    if (this.wanted) this.say({ kind: "message", message });
    return this.wanted;
  }

  async offer(body: OfferBody, signal: AbortSignal): Promise<Answer> {
    const answer = await this.request("offer", body, signal);
    if (!isAnswer(answer)) throw new LabError("bad-answer", "Python's answer to the offer made no sense.", "Restart the kernel.");
    return answer;
  }

  async patch(pcId: string, candidates: Candidate[], signal: AbortSignal): Promise<void> {
    await this.request("patch", { pc_id: pcId, candidates }, signal);
  }

  private say(said: Record<string, unknown>): void {
    this.model.send({ smallrtc: { page: this.page, ...said } });
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

  private readonly heard = (content: unknown): void => {
    const said = (content as { smallrtc?: Record<string, unknown> } | null)?.smallrtc;
    if (!said || said["page"] !== this.page) return; // another tab's, or the application's own
    if (said["kind"] === "message") this.told(said["message"]);
    else if (said["kind"] === "answer") this.answered(said);
  };

  private told(message: unknown): void {
    if (!this.wanted) return;
    if (isEngineMessage(message)) this.events.message(message satisfies EngineMessage);
    else console.warn("smallrtc-lab: a message of the kernel was not understood", message);
  }

  private answered({ id, status, body }: Record<string, unknown>): void {
    const waiting = this.pending.get(Number(id));
    this.pending.delete(Number(id));
    if (status === 200) waiting?.resolve(body);
    else waiting?.reject(refusal(Number(status), body));
  }
}
