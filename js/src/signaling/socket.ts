// One WebSocket to the server extension, opened again with growing pauses for as long as it is wanted: the session socket, and
// with a plot's name and a reader of its own that of a plot's view.
import type { Problem } from "../errors.ts";
import { PROBLEMS } from "../errors.ts";
import { backoffMs } from "../negotiation.ts";
import type { EngineMessage } from "../protocol.ts";
import { parseEngineMessage } from "../protocol.ts";
import type { Line, PipeEvents } from "./line.ts";
import type { Place, Probe } from "./server.ts";
import { probeSocket, socketUrl } from "./server.ts";

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 8000;
/** So many pauses are skipped where nobody has the session yet: the server itself waits some seconds for its engine. */
const SELDOM = 2;
/** A browser waits minutes for a server that swallows everything. */
const OPEN_WITHIN_MS = 5000;
/** Close codes of the server: 4000 and an HTTP status. */
const UNKNOWN_SESSION = 4404;
const TOO_SLOW = 4408;

const MEANING: Record<Probe, { problem: Problem | null; final: boolean }> = {
  missing: { problem: PROBLEMS.noExtension, final: true },
  "no-jupyter": { problem: PROBLEMS.noJupyter, final: true },
  refused: { problem: PROBLEMS.refused, final: true },
  "unknown-session": { problem: PROBLEMS.kernelGone, final: false },
  unreachable: { problem: PROBLEMS.unreachable, final: false },
  there: { problem: null, final: false },
};

/** What comes on the socket as a message, or null for what is none. */
export type Reader<Message> = (raw: unknown) => Message | null;

export class ServerSocket<Message> {
  private socket: WebSocket | null = null;
  private timer: ReturnType<typeof setTimeout> | null = null;
  private failures = 0;
  private withToken = false;
  private wanted = false;

  constructor(
    private readonly place: Place,
    private readonly session: string,
    private readonly events: PipeEvents<Message>,
    private readonly read: Reader<Message>,
    private readonly plot: string | null = null,
  ) {}

  /** Opens it, or tries at once where a pause is under way. Does nothing while one is open or opening. */
  open(): void {
    this.wanted = true;
    if (this.socket !== null) return;
    this.clearTimer();
    this.dial();
  }

  /** Gives up a socket that may be dead without knowing it, and dials at once. */
  redial(): void {
    if (!this.wanted) return;
    this.drop();
    this.failures = 0;
    this.dial();
  }

  close(): void {
    this.wanted = false;
    this.drop();
  }

  private drop(): void {
    this.clearTimer();
    const socket = this.socket;
    this.socket = null;
    socket?.close(1000);
  }

  /** Sends when open; false when not: what matters is told anew by whoever hears `opened`. */
  send<T extends { type: string }>(message: T): boolean {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }

  private clearTimer(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
  }

  private dial(): void {
    const socket = new WebSocket(socketUrl(this.place, this.session, this.withToken, this.plot));
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    let opened = false;
    const late = setTimeout(() => {
      if (socket !== this.socket) return;
      this.drop();
      this.failed({ problem: PROBLEMS.unreachable, final: false });
    }, OPEN_WITHIN_MS);
    socket.onopen = () => {
      opened = true;
      clearTimeout(late);
      this.failures = 0;
      if (socket === this.socket) this.events.opened();
    };
    socket.onmessage = (event) => {
      const message = this.read(event.data);
      if (socket !== this.socket) return;
      if (message) this.events.message(message);
      else console.warn("smallrtc-lab: a message of the server's was not understood", event.data);
    };
    socket.onclose = (event) => {
      clearTimeout(late);
      if (socket !== this.socket) return; // closed by us
      this.socket = null;
      void this.lost(opened, event);
    };
  }

  private async lost(opened: boolean, event: CloseEvent): Promise<void> {
    if (event.code === UNKNOWN_SESSION) {
      this.failures = Math.max(this.failures, SELDOM); // an engine may be slow to start, or never come
      this.failed(MEANING["unknown-session"]);
      return;
    }
    if (event.code >= 4000 && event.code !== TOO_SLOW) {
      // the engine's page-kick, or the server's refusal after the upgrade: a reason was given
      this.wanted = false;
      const said = { code: `closed-${event.code}`, message: event.reason || "Python closed this page's session.", next_step: null };
      this.events.closed(said, true);
      return;
    }
    let meaning = { problem: null as Problem | null, final: false };
    if (!opened) {
      const probe = await probeSocket(this.place, this.session);
      if (!this.wanted || this.socket !== null) return;
      if (probe === "refused" && this.place.token && !this.withToken) {
        this.withToken = true; // no login cookie in this browser: the page's token is the other way in
        this.dial();
        return;
      }
      meaning = MEANING[probe];
    }
    this.failed(meaning);
  }

  private failed({ problem, final }: { problem: Problem | null; final: boolean }): void {
    this.events.closed(problem, final);
    if (final) this.wanted = false;
    else this.again();
  }

  private again(): void {
    const pause = backoffMs(this.failures++, FIRST_PAUSE_MS, LONGEST_PAUSE_MS);
    this.timer = setTimeout(() => {
      this.timer = null;
      if (this.wanted && this.socket === null) this.dial();
    }, pause);
  }
}

export class SessionSocket extends ServerSocket<EngineMessage> implements Line {
  constructor(place: Place, session: string, events: PipeEvents<EngineMessage>) {
    super(place, session, events, parseEngineMessage);
  }
}
