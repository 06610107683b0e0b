// A data channel as a pipe: plain texts as the SmallWebRTC protocol has them, or the numbered ones of a conversation where the engine has it.
import type { DataPipe } from "./channel.ts";
import type { Conversation, Said } from "./conversation.ts";
import { acknowledgedText, numberedText, readNumbered } from "./conversation.ts";

/** An acknowledgement for each of many messages would cost as much as they do. */
const ACKNOWLEDGE_WITHIN_MS = 50;
const ACKNOWLEDGE_EVERY = 20;

export class ChannelPipe implements DataPipe {
  onopen: DataPipe["onopen"] = null;
  onmessage: DataPipe["onmessage"] = null;
  onclose: DataPipe["onclose"] = null;
  /** Set with the answer, before the channel can open: the conversation that both sides have. */
  talk: Conversation | null = null;
  private timer: ReturnType<typeof setTimeout> | null = null;
  private unanswered = 0;

  constructor(private readonly channel: RTCDataChannel) {
    channel.onopen = (event) => this.onopen?.(event);
    channel.onmessage = (event) => this.received(event);
    channel.onclose = (event) => {
      this.clearTimer();
      this.onclose?.(event);
    };
  }

  get readyState(): RTCDataChannelState {
    return this.channel.readyState;
  }

  get bufferedAmount(): number {
    return this.talk?.full ? Infinity : this.channel.bufferedAmount;
  }

  send(text: string): void {
    if (!this.talk || text.startsWith("ping:")) this.transmit(text);
    else this.carry(this.talk.put(text));
  }

  signal(text: string): void {
    this.transmit(text);
  }

  resume(): void {
    for (const said of this.talk?.unacknowledged ?? []) this.carry(said);
  }

  close(): void {
    this.clearTimer();
    this.channel.close();
  }

  private carry(said: Said): void {
    this.transmit(numberedText(said));
  }

  private transmit(text: string): void {
    if (this.channel.readyState === "open") this.channel.send(text); // what is numbered waits in the conversation
  }

  private received(event: MessageEvent): void {
    const { talk } = this;
    const read = talk && typeof event.data === "string" ? readNumbered(event.data) : null;
    if (!talk || !read) this.onmessage?.(event);
    else if (read.kind === "acknowledged") talk.acknowledge(read.sequence);
    else {
      const next = talk.accept(read.sequence);
      this.answer(talk);
      if (next) this.onmessage?.(new MessageEvent("message", { data: read.text }));
    }
  }

  private answer(talk: Conversation): void {
    this.unanswered += 1;
    const tell = () => {
      this.clearTimer();
      this.unanswered = 0;
      this.transmit(acknowledgedText(talk.received));
    };
    if (this.unanswered >= ACKNOWLEDGE_EVERY) tell();
    else this.timer ??= setTimeout(tell, ACKNOWLEDGE_WITHIN_MS);
  }

  private clearTimer(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
  }
}
