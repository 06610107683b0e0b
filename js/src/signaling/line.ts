// The pipe of a page's messages to its engine, whichever way it goes.
import type { Problem } from "../errors.ts";
import type { EngineMessage, PageMessage } from "../protocol.ts";

/** What is heard of a pipe that carries messages of this kind. */
export interface PipeEvents<Message> {
  opened(): void;
  message(message: Message): void;
  /** The pipe is gone. `problem` says why when that is known; `final` when it will not be tried again by itself. */
  closed(problem: Problem | null, final: boolean): void;
}

export type LineEvents = PipeEvents<EngineMessage>;

export interface Line {
  /** Opens it, or tries at once where a pause is under way. Does nothing while one is open or opening. */
  open(): void;
  /** Gives up one that may be dead without knowing it, and opens it anew. */
  redial(): void;
  close(): void;
  /** Sends when open; false when not: what matters is told anew by whoever hears `opened`. */
  send(message: PageMessage): boolean;
}
