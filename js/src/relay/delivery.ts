// The messages of a conversation over a relay socket: to the page's channel it is a data channel.
import type { DataPipe } from "../peer/channel.ts";
import { Conversation } from "../peer/conversation.ts";
import type { MessageText, Packet } from "./packets.ts";

export class RelayChannel implements DataPipe {
  readyState: RTCDataChannelState = "connecting";
  onopen: DataPipe["onopen"] = null;
  onmessage: DataPipe["onmessage"] = null;
  onclose: DataPipe["onclose"] = null;

  constructor(
    private readonly transmit: (packet: Packet) => void,
    private readonly talk = new Conversation(),
  ) {}

  /** So many characters are not acknowledged; what has no place in the conversation any more never goes. */
  get bufferedAmount(): number {
    return this.talk.full ? Infinity : this.talk.unacknowledged.reduce((sum, { text }) => sum + text.length, 0);
  }

  /** The heartbeat is the wire's own. */
  send(text: string): void {
    if (!text.startsWith("ping:")) this.transmit({ kind: "message", ...this.talk.put(text) });
  }

  /** A word of the protocol's own: of this socket alone. */
  signal(text: string): void {
    this.transmit({ kind: "message", sequence: 0, text });
  }

  resume(): void {
    for (const said of this.talk.unacknowledged) this.transmit({ kind: "message", ...said });
  }

  opened(): void {
    if (this.readyState !== "connecting") return;
    this.readyState = "open";
    this.onopen?.(new Event("open"));
  }

  acknowledged(sequence: number): void {
    this.talk.acknowledge(sequence);
  }

  arrived({ sequence, text }: MessageText): void {
    const next = sequence === 0 || this.talk.accept(sequence);
    if (sequence !== 0) this.report();
    if (next) this.onmessage?.(new MessageEvent("message", { data: text }));
  }

  close(): void {
    if (this.readyState === "closed") return;
    this.readyState = "closed";
    this.onclose?.(new Event("close"));
  }

  private report(): void {
    const nothing = { queue: 0, received_bytes: 0, age_ms: 0, keyframe: false };
    this.transmit({ kind: "report", stream: "messages", sequence: this.talk.received, ...nothing });
  }
}
