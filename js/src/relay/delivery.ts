// Messages over a relay socket, once and in order: numbered, kept until acknowledged. To the page's channel it is a data channel.
import type { DataPipe } from "../peer/channel.ts";
import type { MessageText, Packet } from "./packets.ts";

const MOST_UNACKNOWLEDGED = 500;

export class RelayChannel implements DataPipe {
  readyState: RTCDataChannelState = "connecting";
  onopen: DataPipe["onopen"] = null;
  onmessage: DataPipe["onmessage"] = null;
  onclose: DataPipe["onclose"] = null;
  private sequence = 0;
  private received = 0;
  private kept: MessageText[] = [];
  private bytes = 0;
  private empty: (() => void) | null = null;

  constructor(private readonly transmit: (packet: Packet) => void) {}

  get bufferedAmount(): number {
    return this.kept.length < MOST_UNACKNOWLEDGED ? this.bytes : Infinity;
  }

  /** The heartbeat needs no place in the conversation. */
  send(text: string): void {
    if (text.startsWith("ping:")) {
      this.transmit({ kind: "control", body: { type: "ping", time_ms: performance.now() } });
      return;
    }
    this.sequence += 1;
    const message: MessageText = { kind: "message", sequence: this.sequence, text };
    this.kept.push(message);
    this.bytes += text.length;
    this.transmit(message);
  }

  opened(): void {
    if (this.readyState !== "connecting") return;
    this.readyState = "open";
    this.onopen?.(new Event("open"));
  }

  acknowledged(sequence: number): void {
    const left = this.kept.filter((one) => one.sequence > sequence);
    this.bytes = left.reduce((sum, one) => sum + one.text.length, 0);
    this.kept = left;
    if (left.length === 0) this.empty?.();
  }

  /** Waits until the other side has everything, `ms` at most. */
  async emptied(ms: number): Promise<void> {
    if (this.kept.length === 0) return;
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
    const next = message.sequence === this.received + 1;
    if (next) this.received += 1;
    this.transmit({
      kind: "report",
      stream: "messages",
      sequence: this.received,
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
