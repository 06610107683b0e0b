// What all plots of a page have in common: its name, for they share one way to the server, and its theme.
import type { Theme } from "./messages.ts";

const NAME = Symbol.for("smallrtc-lab.plots.page");

/** A random name, the same for every plot of this page although each has a module of its own. */
export function pageName(): string {
  const page = globalThis as unknown as Record<symbol, string | undefined>;
  page[NAME] ??= crypto.randomUUID?.() ?? `page-${Date.now()}-${Math.random().toString(36).slice(2)}`;
  return page[NAME];
}

const DARK = '[data-jp-theme-light="false"]';

/** JupyterLab's theme where there is one; else light, as the page of a plain notebook is. */
export function themeOf(element: Element): Theme {
  return element.closest(DARK) || document.body.matches(DARK) ? "dark" : "light";
}

export function watchTheme(changed: () => void): () => void {
  const observer = new MutationObserver(changed);
  observer.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light"] });
  return () => observer.disconnect();
}

/** Calls `changed` when the device pixels of a CSS pixel change: another screen, a zoomed page. */
export function watchRatio(changed: () => void): () => void {
  let query: MediaQueryList | null = null;
  const again = () => {
    query?.removeEventListener("change", again);
    query = matchMedia(`(resolution: ${devicePixelRatio}dppx)`);
    query.addEventListener("change", again);
    changed();
  };
  again();
  return () => query?.removeEventListener("change", again);
}
