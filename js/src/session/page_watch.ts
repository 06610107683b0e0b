// The page's own life: hidden, shown, left, and brought back by the browser's Back button.

export interface PageEvents {
  visible(visible: boolean): void;
  left(): void;
  broughtBack(): void;
  /** The computer's network is back: nothing has to wait out its pause. */
  online(): void;
}

export function watchPage(events: PageEvents): () => void {
  const changed = () => events.visible(!document.hidden);
  const hide = () => events.left();
  const show = (event: PageTransitionEvent) => {
    if (event.persisted) events.broughtBack();
  };
  const online = () => events.online();
  document.addEventListener("visibilitychange", changed);
  window.addEventListener("pagehide", hide);
  window.addEventListener("pageshow", show);
  window.addEventListener("online", online);
  return () => {
    document.removeEventListener("visibilitychange", changed);
    window.removeEventListener("pagehide", hide);
    window.removeEventListener("pageshow", show);
    window.removeEventListener("online", online);
  };
}
