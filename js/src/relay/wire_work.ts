// What a worker does for a relayed page: the socket, its heartbeat, and sound from packets to samples and back. It hands on everything else.
// So a page that is busy drawing, or hidden, disturbs neither sound nor the heartbeat.
import { pack, parse } from "./packets.ts";
import type { Media, Packet } from "./packets.ts";
import { SoundIn } from "./sound_in.ts";
import { SoundOut } from "./sound_out.ts";

const PING_MS = 1000;
const WATCH_MS = 500;
/** Engine and page ask each other once a second; so long without a word and the way is lost. */
const SILENT_MS = 2500;
/** While something waits in the browser's own buffer, the page is told how much so often. */
const WAITING_MS = 50;
const GOODBYE_MS = 2000;

export interface Recorded {
  /** Where an audio worklet posts blocks of samples. */
  port: MessagePort;
  bitrate: number;
  encodes: boolean;
}

export type ToWire =
  /** The second address is tried where the first is refused; `origin` is the page's `performance.timeOrigin`. */
  | { what: "dial"; urls: string[]; origin: number }
  | { what: "send"; content: ArrayBuffer }
  | { what: "live" }
  | { what: "record"; recorded: Recorded | null }
  | { what: "play"; port: MessagePort }
  | { what: "close" };

export type FromWire =
  | { what: "open" }
  | { what: "packet"; content: ArrayBuffer }
  /** `taken` bytes of the page's were given to the socket, which holds `waiting`; `sent` is everything, sound too. */
  | { what: "flow"; taken: number; waiting: number; sent: number }
  | { what: "round-trip"; ms: number }
  | { what: "sound" }
  | { what: "silent" }
  | { what: "closed"; code: number; reason: string };

/** A worker's own scope, a worker, or a message port. */
export interface Line {
  postMessage(message: unknown, transfer: Transferable[]): void;
  onmessage: ((event: MessageEvent) => void) | null;
}

class WireWork {
  private socket: WebSocket | null = null;
  private origin = performance.timeOrigin;
  private taken = 0;
  private sent = 0;
  private heardMs = 0;
  private soundOut: SoundOut | null = null;
  private soundIn: SoundIn | null = null;
  private readonly timers: ReturnType<typeof setInterval>[] = [];
  private flowTimer: ReturnType<typeof setTimeout> | null = null;

  constructor(
    private readonly tell: (message: FromWire, transfer?: Transferable[]) => void,
    private readonly ended: () => void,
  ) {}

  take(order: ToWire): void {
    switch (order.what) {
      case "dial":
        this.origin = order.origin;
        return this.dial(order.urls);
      case "send":
        this.taken += order.content.byteLength;
        this.write(order.content);
        return this.tellFlow();
      case "live":
        return this.goLive();
      case "record":
        this.soundOut?.close();
        this.soundOut = order.recorded && new SoundOut(order.recorded, (media) => this.send(media), () => this.nowMs);
        return;
      case "play":
        this.soundIn = new SoundIn(order.port, (report) => this.send(report), () => this.tell({ what: "sound" }));
        return;
      case "close":
        return this.close();
    }
  }

  /** By the page's clock, which its pictures have, too. */
  private get nowMs(): number {
    return performance.timeOrigin - this.origin + performance.now();
  }

  private dial([url, ...others]: string[]): void {
    if (url === undefined) return;
    const socket = new WebSocket(url);
    let opened = false;
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    socket.onopen = () => {
      opened = true;
      this.tell({ what: "open" });
    };
    socket.onmessage = ({ data }) => this.received(data);
    socket.onclose = ({ code, reason }) => {
      if (socket !== this.socket) return;
      this.socket = null;
      if (!opened && others.length > 0) this.dial(others);
      else this.tell({ what: "closed", code, reason });
    };
  }

  private goLive(): void {
    this.heardMs = performance.now();
    const ping = () => this.send({ kind: "control", body: { type: "ping", time_ms: performance.now() } });
    ping();
    this.timers.push(setInterval(ping, PING_MS), setInterval(() => this.watchSilence(), WATCH_MS));
  }

  private watchSilence(): void {
    if (performance.now() - this.heardMs < SILENT_MS) return;
    this.rest();
    this.tell({ what: "silent" });
  }

  private send(packet: Packet): void {
    this.write(pack(packet));
  }

  private write(content: ArrayBuffer): void {
    if (this.socket?.readyState !== WebSocket.OPEN) return; // a message stays in the channel until it is acknowledged
    this.sent += content.byteLength;
    this.socket.send(content);
  }

  private tellFlow(): void {
    const waiting = this.socket?.bufferedAmount ?? 0;
    this.tell({ what: "flow", taken: this.taken, waiting, sent: this.sent });
    if (waiting === 0 || this.flowTimer !== null) return;
    this.flowTimer = setTimeout(() => {
      this.flowTimer = null;
      this.tellFlow();
    }, WAITING_MS);
  }

  private received(data: unknown): void {
    this.heardMs = performance.now();
    const packet = data instanceof ArrayBuffer ? parse(data) : null;
    if (packet?.kind === "media" && packet.stream === "audio") this.hear(packet);
    else if (packet?.kind === "report" && packet.stream === "audio") this.soundOut?.reported(packet);
    else if (packet?.kind === "control" && packet.body.type === "pong") this.answered(packet.body["time_ms"]);
    else if (packet && data instanceof ArrayBuffer) this.tell({ what: "packet", content: data }, [data]);
    else console.warn("smallrtc-lab: a packet of the relay was not understood");
  }

  private hear(media: Media): void {
    this.soundIn?.take(media);
  }

  private answered(askedMs: unknown): void {
    if (typeof askedMs === "number") this.tell({ what: "round-trip", ms: performance.now() - askedMs });
    this.tellFlow();
  }

  private rest(): void {
    for (const timer of this.timers.splice(0)) clearInterval(timer);
  }

  private close(): void {
    this.rest();
    if (this.flowTimer !== null) clearTimeout(this.flowTimer);
    this.soundOut?.close();
    this.soundIn?.close();
    const { socket } = this;
    this.socket = null;
    if (!socket || socket.readyState === WebSocket.CLOSED) return this.ended();
    const deadline = setTimeout(() => this.ended(), GOODBYE_MS);
    socket.onclose = () => {
      clearTimeout(deadline);
      this.ended();
    };
    socket.close(1000);
  }
}

/** Does what comes over the line until it is closed. */
export function work(line: Line, ended: () => void): void {
  const tell = (message: FromWire, transfer: Transferable[] = []) => line.postMessage(message, transfer);
  const doing = new WireWork(tell, ended);
  line.onmessage = ({ data }) => doing.take(data as ToWire);
}
