// A clock that keeps ticking in hidden tabs: timers of a worker are not slowed down like those of a page.

const CODE = "let t;onmessage=e=>{clearInterval(t);if(e.data)t=setInterval(()=>postMessage(0),e.data)}";

/** Calls back every `periodMs` until the returned function is called. */
export function every(periodMs: number, callback: () => void): () => void {
  let timer: ReturnType<typeof setInterval> | null = null;
  let worker: Worker | null = null;
  const plain = () => {
    timer ??= setInterval(callback, periodMs);
  };
  try {
    const url = URL.createObjectURL(new Blob([CODE], { type: "text/javascript" }));
    worker = new Worker(url);
    URL.revokeObjectURL(url);
    worker.onmessage = callback;
    worker.onerror = plain; // a policy without `blob:` refuses the worker late
    worker.postMessage(periodMs);
  } catch {
    plain(); // … or at once
  }
  return () => {
    worker?.terminate();
    if (timer !== null) clearInterval(timer);
  };
}
