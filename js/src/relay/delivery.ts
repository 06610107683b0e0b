// Messages over a relay socket, once and in order: numbered, kept until acknowledged. To the page's channel it is a data channel.
import type { DataPipe } from "../peer/channel.ts";
import type { MessageText, Packet } from "./packets.ts";

const MOST_UNACKNOWLEDGED = 500;

/** Both directions of this page's messages, through any number of sockets. */
export class Conversation {
  readonly id = `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
  sequence = 0;
  received = 0;
  kept: MessageText[] = [];
}

export class RelayChannel implements DataPipe {
  readyState: RTCDataChannelState = "connecting";
  onopen: DataPipe["onopen"] = null;
  onmessage: DataPipe["onmessage"] = null;
  onclose: DataPipe["onclose"] = null;
  private bytes = 0;
  private empty: (() => void) | null = null;

  constructor(
    private readonly transmit: (packet: Packet) => void,
    private readonly talk = new Conversation(),
  ) {}

  get bufferedAmount(): number {
    return this.talk.kept.length < MOST_UNACKNOWLEDGED ? this.bytes : Infinity;
  }

  /** The heartbeat is the wire's own. */
  send(text: string): void {
    if (text.startsWith("ping:")) return;
    this.talk.sequence += 1;
    const message: MessageText = { kind: "message", sequence: this.talk.sequence, text };
    this.talk.kept.push(message);
    this.bytes += text.length;
    this.transmit(message);
  }

  /** A socket of the same conversation: what Python does not have yet is sent again. */
  again(received: number): void {
    this.acknowledged(received);
    for (const message of this.talk.kept) this.transmit(message);
  }

  opened(): void {
    if (this.readyState !== "connecting") return;
    this.readyState = "open";
    this.onopen?.(new Event("open"));
  }

  acknowledged(sequence: number): void {
    const left = this.talk.kept.filter((one) => one.sequence > sequence);
    this.bytes = left.reduce((sum, one) => sum + one.text.length, 0);
    this.talk.kept = left;
    if (left.length === 0) this.empty?.();
  }

  /** Waits until the other side has everything, `ms` at most. */
  async emptied(ms: number): Promise<void> {
    if (this.talk.kept.length === 0) return;
    await new Promise<void>((done) => {
      const timer = setTimeout(done, ms);
      this.empty = () => {
        clearTimeout(timer);
        done();
      };
    });
    this.empty = null;
  }

  arrived(message: MessageText): void {
    const next = message.sequence === this.talk.received + 1;
    if (next) this.talk.received += 1;
    this.transmit({
      kind: "report",
      stream: "messages",
      sequence: this.talk.received,
      queue: 0,
      received_bytes: 0,
      age_ms: 0,
      keyframe: false,
    });
    if (next) this.onmessage?.(new MessageEvent("message", { data: message.text }));
  }

  close(): void {
    if (this.readyState === "closed") return;
    this.readyState = "closed";
    this.onclose?.(new Event("close"));
  }
}
