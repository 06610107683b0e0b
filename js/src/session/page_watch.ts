// The page's own life: hidden, shown, left, and brought back by the browser's Back button.

export interface PageEvents {
  visible(visible: boolean): void;
  left(): void;
  broughtBack(): void;
}

export function watchPage(events: PageEvents): () => void {
  const changed = () => events.visible(!document.hidden);
  const hide = () => events.left();
  const show = (event: PageTransitionEvent) => {
    if (event.persisted) events.broughtBack();
  };
  document.addEventListener("visibilitychange", changed);
  window.addEventListener("pagehide", hide);
  window.addEventListener("pageshow", show);
  return () => {
    document.removeEventListener("visibilitychange", changed);
    window.removeEventListener("pagehide", hide);
    window.removeEventListener("pageshow", show);
  };
}
