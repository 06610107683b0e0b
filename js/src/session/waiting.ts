// Waiting that always ends: with a result, a deadline or an abort.
import type { Problem } from "../errors.ts";
import { asError } from "../errors.ts";

export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, ms);
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
}

/** `work`, unless `ms` pass or `signal` aborts first; then it rejects with `problem` or the signal's reason. */
export async function within<T>(work: Promise<T>, ms: number, problem: Problem, signal: AbortSignal): Promise<T> {
  const over = new AbortController();
  const abort = () => over.abort(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  const deadline = sleep(ms, over.signal).then((): never => {
    throw asError(problem);
  });
  deadline.catch(() => undefined); // when `work` wins, nobody looks at it
  try {
    return await Promise.race([work, deadline]);
  } finally {
    signal.removeEventListener("abort", abort);
    over.abort();
  }
}

/** A promise with its hands outside, for events that somebody waits for. */
export class Gate<T> {
  readonly passed: Promise<T>;
  open!: (value: T) => void;
  refuse!: (cause: unknown) => void;

  constructor() {
    this.passed = new Promise<T>((resolve, reject) => {
      this.open = resolve;
      this.refuse = reject;
    });
    this.passed.catch(() => undefined); // refused while nobody waits is no error
  }
}
