// Tells the page's own model what changed, for ipywidgets links in the page.
import type { Model } from "../model.ts";
import { tell } from "../model.ts";
import type { Snapshot, Store } from "../status.ts";

const LEVEL_MS = 100;

export function mirrorStatus(store: Store, model: Model): () => void {
  return store.subscribe((now: Snapshot, before: Snapshot) => {
    if (now.state !== before.state) tell(model, "state", now.state);
    if (now.error !== before.error) tell(model, "error", now.error);
    if (now.stats !== before.stats) {
      tell(model, "fps", now.stats?.fps ?? null);
      tell(model, "route", now.stats?.route ?? null);
    }
  });
}

/** Ten times a second while the page is seen; the returned function ends it. */
export function mirrorLevel(model: Model, levelDb: () => number | null): () => void {
  const timer = setInterval(() => {
    const level = document.hidden ? null : levelDb();
    if (level !== null) tell(model, "level_db", Math.round(level * 10) / 10);
  }, LEVEL_MS);
  return () => {
    clearInterval(timer);
    tell(model, "level_db", null);
  };
}
