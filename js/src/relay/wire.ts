// The page's end of a relay socket, which lives in a worker; in the page itself where its policy allows no worker from a Blob URL.
import type { FromWire, Line, Recorded, ToWire } from "./wire_work.ts";
import { work } from "./wire_work.ts";

/** The program of `wire_worker.ts`, put in by build.mjs; not there in tests. */
declare const WIRE_WORKER: string | undefined;

export interface WireEvents {
  open(): void;
  packet(content: ArrayBuffer): void;
  /** The first sound of Python's has come. */
  sound(): void;
  /** Nothing has come for too long. */
  silent(): void;
  closed(code: number, reason: string): void;
}

export class Wire {
  /** Everything that was sent, sound too. */
  sentBytes = 0;
  rttMs: number | null = null;
  private line: Line | null = null;
  private posted = 0;
  private flow = { taken: 0, waiting: 0 };
  private heard = false;
  private urls: string[] = [];

  constructor(private readonly events: WireEvents) {}

  dial(urls: string[]): void {
    this.urls = urls;
    this.line = this.inWorker() ?? this.inPage();
    this.order({ what: "dial", urls, origin: performance.timeOrigin });
  }

  send(content: ArrayBuffer): void {
    this.posted += content.byteLength;
    this.order({ what: "send", content }, [content]);
  }

  /** The other side has answered: the heartbeat begins. */
  live(): void {
    this.order({ what: "live" });
  }

  record(recorded: Recorded | null): void {
    this.order({ what: "record", recorded }, recorded ? [recorded.port] : []);
  }

  play(port: MessagePort): void {
    this.order({ what: "play", port }, [port]);
  }

  /** Bytes of the page's that the network has not taken. */
  get waiting(): number {
    return this.posted - this.flow.taken + this.flow.waiting;
  }

  close(): void {
    this.order({ what: "close" });
    this.line = null;
  }

  private order(order: ToWire, transfer: Transferable[] = []): void {
    this.line?.postMessage(order, transfer);
  }

  private inWorker(): Line | null {
    if (typeof WIRE_WORKER === "undefined") return null;
    try {
      const url = URL.createObjectURL(new Blob([WIRE_WORKER], { type: "text/javascript" }));
      const worker = new Worker(url);
      URL.revokeObjectURL(url);
      worker.onerror = () => this.refused();
      return this.listen(worker);
    } catch {
      return null;
    }
  }

  /** A policy without `blob:` refuses a worker late, before it has said a word. */
  private refused(): void {
    if (this.heard || !this.line) return;
    this.line = this.inPage();
    this.order({ what: "dial", urls: this.urls, origin: performance.timeOrigin });
  }

  private inPage(): Line {
    const { port1, port2 } = new MessageChannel();
    work(port2, () => port2.close());
    return this.listen(port1);
  }

  private listen(line: Line): Line {
    line.onmessage = ({ data }) => {
      if (line === this.line) this.told(data as FromWire);
    };
    return line;
  }

  private told(message: FromWire): void {
    this.heard = true;
    switch (message.what) {
      case "open":
        return this.events.open();
      case "packet":
        return this.events.packet(message.content);
      case "flow":
        this.flow = message;
        this.sentBytes = message.sent;
        return;
      case "round-trip":
        this.rttMs = message.ms;
        return;
      case "sound":
        return this.events.sound();
      case "silent":
        return this.events.silent();
      case "closed":
        return this.events.closed(message.code, message.reason);
    }
  }
}
