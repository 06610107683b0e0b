// The data channel and what waits for it: application messages in order, the heartbeat, and signalling beside them.
import { LabError } from "../errors.ts";
import { every } from "../media/ticker.ts";
import type { Signalling } from "../protocol.ts";
import { parseChannelMessage } from "../protocol.ts";

export const QUEUE_LENGTH = 50;
const PING_MS = 1000;
const OPEN_WITHIN_MS = 10_000;
/** More than this waiting in the browser means that nothing gets through: then the newest message is dropped, and counted. */
const MOST_BUFFERED_BYTES = 4 << 20;

/** What carries texts both ways: an RTCDataChannel, or a relay socket's part of one. */
export interface DataPipe {
  readonly readyState: RTCDataChannelState;
  readonly bufferedAmount: number;
  onopen: ((event: Event) => void) | null;
  onmessage: ((event: MessageEvent) => void) | null;
  onclose: ((event: Event) => void) | null;
  send(text: string): void;
  /** A word of the protocol's own, where that is no part of a conversation. */
  signal?(text: string): void;
  /** Everything of the conversation that Python does not have yet goes here, before what follows. */
  resume?(): void;
  close(): void;
}

export interface ChannelEvents {
  message(message: unknown): void;
  signalling(message: Signalling): void;
  /** Messages were lost: how many in all, and why. */
  dropped(count: number, why: string): void;
  closed(): void;
}

/** Outlives its pipes, so that what was said while connecting or reconnecting arrives, once and in order. */
export class Channel {
  maxMessageBytes = Infinity;
  private channel: DataPipe | null = null;
  private readonly waiting: string[] = [];
  private droppedCount = 0;
  private stopPing: (() => void) | null = null;
  private openTimer: ReturnType<typeof setTimeout> | null = null;

  constructor(private readonly events: ChannelEvents) {}

  get open(): boolean {
    return this.channel?.readyState === "open";
  }

  attach(channel: DataPipe): void {
    this.detach();
    this.channel = channel;
    channel.onopen = () => this.opened(channel);
    channel.onmessage = (event) => {
      if (channel === this.channel) this.received(event.data); // a closed one may still hand over what had come
    };
    channel.onclose = () => {
      if (channel !== this.channel) return;
      this.detach();
      this.events.closed();
    };
    if (channel.readyState === "open") this.opened(channel);
  }

  /** Lets go of the pipe without closing it: what still comes over it is delivered, what is sent waits for the next one. */
  release(): void {
    const channel = this.channel;
    this.stopPing?.();
    this.stopPing = null;
    this.clearTimer();
    this.channel = null;
    if (!channel) return;
    channel.onopen = channel.onclose = null;
    this.hear(channel);
  }

  /** Delivers what comes over a pipe that carries nothing of ours. */
  hear(pipe: DataPipe): void {
    pipe.onmessage = (event) => this.received(event.data);
  }

  detach(): void {
    this.stopPing?.();
    this.stopPing = null;
    this.clearTimer();
    const channel = this.channel;
    this.channel = null;
    channel?.close();
  }

  /** Sends one JSON value, or keeps it until the channel opens. Raises `LabError` when it is no JSON or too large. */
  send(message: unknown): void {
    const text = JSON.stringify(message);
    if (text === undefined) throw new LabError("not-json", "Only what JSON can hold can be sent to Python.");
    const size = text.length > this.maxMessageBytes / 4 ? new TextEncoder().encode(text).length : text.length;
    if (size > this.maxMessageBytes) {
      throw new LabError("too-large", `A message to Python may have ${this.maxMessageBytes} bytes, this one has ${size}.`, "Send less.");
    }
    if (this.open) this.transmit(text);
    else if (this.waiting.length < QUEUE_LENGTH) this.waiting.push(text);
    else this.drop(1, `more than ${QUEUE_LENGTH} messages waited for the connection`);
  }

  signal(message: Signalling): void {
    const text = JSON.stringify({ type: "signalling", message });
    if (this.open) (this.channel?.signal ?? this.channel?.send)?.call(this.channel, text);
  }

  /** The connection is up: from here the channel has ten seconds to open before what waits is dropped. */
  expectOpen(): void {
    this.clearTimer();
    if (this.open) return;
    this.openTimer = setTimeout(() => {
      this.drop(this.waiting.splice(0).length, "the data channel did not open within 10 seconds");
    }, OPEN_WITHIN_MS);
  }

  /** So many messages were under way when the call ended: nobody knows whether Python has them. */
  lost(count: number): void {
    this.drop(count, "the connection was lost while they were under way");
  }

  private opened(channel: DataPipe): void {
    if (channel !== this.channel) return;
    this.clearTimer();
    const ping = () => {
      if (this.open) channel.send(`ping: ${Date.now()}`);
    };
    ping();
    this.stopPing = every(PING_MS, ping);
    channel.resume?.();
    for (const text of this.waiting.splice(0)) this.transmit(text);
  }

  private transmit(text: string): void {
    if (!this.channel) return;
    if (this.channel.bufferedAmount > MOST_BUFFERED_BYTES) this.drop(1, "the connection is too slow for them");
    else this.channel.send(text);
  }

  private received(raw: unknown): void {
    const parsed = parseChannelMessage(raw);
    if (parsed?.kind === "signalling") this.events.signalling(parsed.message);
    else if (parsed) this.events.message(parsed.message);
    else console.warn("smallrtc-lab: a message from Python was not understood", raw);
  }

  private drop(count: number, why: string): void {
    if (count === 0) return;
    this.droppedCount += count;
    this.events.dropped(this.droppedCount, why);
  }

  private clearTimer(): void {
    if (this.openTimer !== null) clearTimeout(this.openTimer);
    this.openTimer = null;
  }
}
