// What the widget cannot say itself: after a reload its model comes from the kernel, and a kernel that runs a cell does not answer;
// in a notebook that is opened again the kernel it belonged to is gone. A prebuilt extension of JupyterLab 4 and Notebook 7: a module federation container by hand, with one plugin that needs nothing.

const SAID_AFTER_MS = 1500;
const BUSY = "Waiting for the kernel: a cell is running. Start appears here when it ends, or press Interrupt (■) to end it now.";
const ENDED = "Live audio and video: run this cell to start them. The kernel they belonged to has ended.";
/** ipywidgets' own placeholder; the widget's view, or an error, replaces it and whatever stands in its place. */
const PLACEHOLDER = "Loading widget...";
/** ipywidgets' own word for a kernel that knows nothing of this widget: another one, or none. */
const MISSING = "Error displaying widget: model not found";
const OURS = /smallrtc-lab|\bLab\(/; // the still sentence beside our view, and what a box prints of its children

interface Output {
  readonly data: Readonly<Record<string, unknown>>;
}

interface Cell {
  readonly model: { readonly outputs?: { readonly length: number; get(index: number): Output } };
  readonly outputArea?: { readonly widgets: readonly { readonly node: HTMLElement }[] };
}

type StatusSlot = (sender: unknown, status: string) => void;

interface Panel {
  readonly node: HTMLElement;
  readonly content: { readonly widgets: readonly Cell[] };
  readonly sessionContext: {
    readonly session: { readonly kernel: { readonly id: string; readonly status: string } | null } | null;
    readonly statusChanged: { connect(slot: StatusSlot): unknown; disconnect(slot: StatusSlot): unknown };
  };
}

/** The parts of `JupyterFrontEnd` (JupyterLab's extension API, version 4) that are used here. */
interface App {
  readonly docRegistry?: { addWidgetExtension(factory: string, extension: { createNew(panel: Panel): Watch }): unknown };
  readonly serviceManager: { readonly kernels: { running(): Iterable<{ id: string; execution_state?: string }> } };
}

/** The page hears nothing of a kernel that was busy before it connected; the server's list of kernels knows. */
function isBusy(app: App, panel: Panel): boolean {
  const kernel = panel.sessionContext.session?.kernel;
  if (!kernel || kernel.status === "idle") return false;
  return kernel.status === "busy" || [...app.serviceManager.kernels.running()].some((one) => one.id === kernel.id && one.execution_state === "busy");
}

function* placesOf(panel: Panel, text: string): Generator<HTMLElement> {
  for (const { model, outputArea } of panel.content.widgets) {
    for (let i = 0; i < (model.outputs?.length ?? 0); i++) {
      const { data } = model.outputs?.get(i) ?? { data: {} };
      if (!OURS.test(`${data["text/html"]} ${data["text/plain"]}`)) continue;
      const node = outputArea?.widgets[i]?.node.querySelector<HTMLElement>(".jp-OutputArea-output");
      if (node?.textContent === text) yield node;
    }
  }
}

function say(node: HTMLElement, sentence: string): void {
  const line = document.createElement("p");
  line.className = "smallrtc-waiting";
  line.setAttribute("role", "status");
  line.style.cssText = "margin: 4px 0; padding: 8px 12px; border-left: 3px solid var(--jp-brand-color1)";
  line.textContent = sentence;
  node.replaceChildren(line);
}

/** Looks at one notebook: until its kernel answers for the first time for what waits, and always for what was left of another kernel. */
class Watch {
  isDisposed = false;
  private waiting = true;
  private readonly observer = new MutationObserver((changes) => this.changed(changes));
  private readonly timer = setTimeout(() => this.look(), SAID_AFTER_MS);
  private readonly begun = Date.now();
  private readonly answered: StatusSlot = (_, status) => {
    if (status === "idle") this.waiting = false;
  };

  constructor(
    private readonly app: App,
    private readonly panel: Panel,
  ) {
    panel.sessionContext.statusChanged.connect(this.answered);
    this.observer.observe(panel.node, { childList: true, subtree: true });
  }

  dispose(): void {
    this.isDisposed = true;
    clearTimeout(this.timer);
    this.observer.disconnect();
    this.panel.sessionContext.statusChanged.disconnect(this.answered);
  }

  /** Cells that are scrolled into view, and errors: one line of text in a node of its own, which costs nothing to ask for. */
  private changed(changes: MutationRecord[]): void {
    const waits = this.waiting && Date.now() - this.begun >= SAID_AFTER_MS;
    if (waits || changes.some(({ target }) => target.childNodes.length === 1 && target.firstChild?.nodeValue === MISSING)) this.look();
  }

  private look(): void {
    try {
      for (const node of placesOf(this.panel, MISSING)) say(node, ENDED);
      if (this.waiting && isBusy(this.app, this.panel)) for (const node of placesOf(this.panel, PLACEHOLDER)) say(node, BUSY);
    } catch (cause) {
      this.dispose();
      console.warn("smallrtc-lab: cannot tell what the widget waits for", cause);
    }
  }
}

const plugin = {
  id: "smallrtc-lab:waiting",
  description: "Says what a live widget waits for while the kernel is busy.",
  autoStart: true,
  activate: (app: App) => {
    app.docRegistry?.addWidgetExtension("Notebook", { createNew: (panel) => new Watch(app, panel) });
  },
};

const page = window as unknown as { _JUPYTERLAB?: Record<string, unknown> };
page._JUPYTERLAB ??= {};
page._JUPYTERLAB["smallrtc-lab"] = {
  init: () => undefined,
  get: async () => () => ({ __esModule: true, default: plugin }),
};
