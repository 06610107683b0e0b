// anywidget's entry for plots. Each view has a way of its own, for each is drawn in its own size; nothing is shared but the page.
import type { CommModel } from "./model.ts";
import type { About } from "./plot/view.ts";
import { PlotView } from "./plot/view.ts";
import { findPlace } from "./signaling/server.ts";

interface Context {
  model: CommModel & { get(name: "_plot"): About };
  el: HTMLElement;
}

/** ipywidgets marks views so whose model no kernel knows. */
const DISCONNECTED = ".jupyter-widgets-disconnected";

export default {
  render({ model, el }: Context): () => void {
    const view = new PlotView(model.get("_plot"), findPlace(), model, el);
    if (el.closest(DISCONNECTED)) view.restored();
    return () => view.close();
  },
};
