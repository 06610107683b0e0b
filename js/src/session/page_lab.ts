// What other code on the page sees of a session: `document.querySelector(".smallrtc-lab").lab`.
import type { State } from "../protocol.ts";

export interface Doors {
  send(message: unknown): void;
  state(): State;
  returned(): MediaStream | null;
  heard(): MediaStream | null;
}

/**
 * `lab.send(value)` sends one JSON value to Python; it waits while the connection is not up yet.
 * `lab.addEventListener("message", (event) => event.data)` hears what Python sends.
 */
export class PageLab extends EventTarget {
  constructor(private readonly doors: Doors) {
    super();
  }

  send(message: unknown): void {
    this.doors.send(message);
  }

  get state(): State {
    return this.doors.state();
  }

  /** Python's tracks as they arrive, or null. */
  get returned(): MediaStream | null {
    return this.doors.returned();
  }

  /** What *Listen* plays, behind the limiter, or null. */
  get heard(): MediaStream | null {
    return this.doors.heard();
  }

  deliver(message: unknown): void {
    this.dispatchEvent(new MessageEvent("message", { data: message }));
  }
}
