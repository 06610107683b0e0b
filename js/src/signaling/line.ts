// The pipe of a page's messages to its engine, whichever way it goes.
import type { EngineMessage, PageMessage } from "../protocol.ts";
import type { SocketEvents } from "./socket.ts";

export type LineEvents = SocketEvents<EngineMessage>;

export interface Line {
  /** Opens it, or tries at once where a pause is under way. Does nothing while one is open or opening. */
  open(): void;
  /** Gives up one that may be dead without knowing it, and opens it anew. */
  redial(): void;
  close(): void;
  /** Sends when open; false when not: what matters is told anew by whoever hears `opened`. */
  send(message: PageMessage): boolean;
}
