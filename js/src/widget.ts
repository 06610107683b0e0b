// anywidget's entry. The default export is a function, so that each model has a session of its own: `initialize` runs once a
// model and page and owns socket, peer and devices; `render` runs once a view and owns its DOM.
import type { Model } from "./model.ts";
import { Session } from "./session/session.ts";
import { findPlace } from "./signaling/server.ts";
import { mount } from "./view/view.ts";

interface Context {
  model: Model;
}

/** ipywidgets marks views so whose model no kernel knows. */
const DISCONNECTED = ".jupyter-widgets-disconnected";

export default function widget() {
  let session: Session | null = null;
  return {
    initialize({ model }: Context): () => void {
      const mine = new Session(model, findPlace());
      session = mine;
      return () => mine.dispose();
    },
    render({ model, el }: Context & { el: HTMLElement }): () => void {
      session ??= new Session(model, findPlace()); // a host that knows no `initialize`
      const undo = mount(session, el);
      if (el.closest(DISCONNECTED)) session.restored();
      return undo;
    },
  };
}
