// What can go wrong in the page, each with a sentence and the next step. Codes are wire values of the `status` message.

export interface Problem {
  code: string;
  message: string;
  next_step: string | null;
  /** Where the next step leads, when it is another page. */
  url?: string | null;
}

/** An error whose problem is meant to be read by the person in front of the page. */
export class LabError extends Error {
  readonly problem: Problem;

  constructor(code: string, message: string, nextStep: string | null = null) {
    super(message);
    this.name = "LabError";
    this.problem = { code, message, next_step: nextStep };
  }
}

export function asError({ code, message, next_step }: Problem): LabError {
  return new LabError(code, message, next_step);
}

/** The page's circumstances that decide how a refused device is explained; pure, so that tests can make them up. */
export interface Site {
  secure: boolean;
  origin: string;
  mediaDevices: boolean;
  blockedByPolicy: boolean;
  denied: boolean;
  /** The page is one of VS Code's own: it opens no device for anybody (microsoft/vscode#119127). */
  vscode: boolean;
}

export interface Wanted {
  audio: boolean;
  video: boolean;
}

const NO_EXTENSION = new LabError(
  "no-extension",
  "The smallrtc-lab server extension is not running in this Jupyter server.",
  "Install smallrtc-lab where Jupyter itself runs and restart Jupyter.",
).problem;

const KERNEL_GONE = new LabError("kernel-gone", "The kernel was restarted or stopped.", "Run the cell again.").problem;

/** Problems without a cause of their own to look into. */
export const PROBLEMS = {
  noExtension: NO_EXTENSION,
  kernelGone: KERNEL_GONE,
  serverRestarted: {
    code: "server-restarted",
    message: "The Jupyter server was restarted, and the kernel with it.",
    next_step: "Reload the page, then run the cell again.",
  },
  savedView: {
    code: "saved-view",
    message: "This view was saved with the notebook, and its kernel has ended.",
    next_step: "Run the cell to go live.",
  },
  noJupyter: {
    code: "no-jupyter",
    message: "This page comes from no Jupyter server, and camera and microphone reach Python only through one.",
    next_step: "With Voilà, open the notebook inside Jupyter (the address with /voila/render/) instead of with the command voila.",
  },
  engineLost: {
    code: "engine-lost",
    message: "Python's media engine stopped.",
    next_step: "It comes back by itself in a moment; if not, run lab.start() in a cell, or this cell again.",
  },
  refused: {
    code: "server-refused",
    message: "The Jupyter server refused this page.",
    next_step: "Reload the page and log in to Jupyter again.",
  },
  unreachable: {
    code: "server-unreachable",
    message: "The Jupyter server does not answer.",
    next_step: "Check that Jupyter is still running and that this computer is online. The page tries again by itself.",
  },
  timeout: {
    code: "connect-timeout",
    message: "Could not connect to Python: the network lets no direct media through.",
    next_step: "Press Start to try again. Behind a firewall or a hub, give Lab(ice_servers=…) a TURN server; lab.diagnose() in a cell says more.",
  },
  noWebRTC: {
    code: "no-webrtc",
    message: "Could not connect to Python: this browser has WebRTC switched off.",
    next_step: "Open this notebook in another browser, or allow WebRTC in its settings.",
  },
  notTried: {
    code: "webrtc-not-tried",
    message: "Could not connect to Python: this lab tries no WebRTC.",
    next_step: "Leave out webrtc=False, or give Lab(ice_servers=…) a TURN server.",
  },
  noRelay: {
    code: "no-relay",
    message: "Nothing goes through the server here.",
    next_step: null,
  },
  noWelcome: {
    code: "no-answer",
    message: "Python has not answered yet.",
    next_step: "Wait a moment and press Start. If it stays so, restart the kernel and run the cell again.",
  },
  lost: {
    code: "connection-lost",
    message: "The connection to Python was lost and could not be made again.",
    next_step: "Check the network and press Start.",
  },
} as const satisfies Record<string, Problem>;

function names(wanted: Wanted): string {
  if (wanted.audio && wanted.video) return "camera and microphone";
  return wanted.video ? "camera" : "microphone";
}

function blockedByVsCode(what: string): Problem {
  return { code: "blocked-by-vscode", message: `VS Code blocks the ${what}.`, next_step: "Open this page in a browser." };
}

/** Why no device can be asked for at all, or null. */
export function siteProblem(site: Site, wanted: Wanted): Problem | null {
  if (site.vscode) return blockedByVsCode(names(wanted));
  if (!site.secure) {
    const port = new URL(site.origin).port || "80";
    return {
      code: "insecure-origin",
      message: `Browsers open a ${wanted.video ? "camera" : "microphone"} only on https or localhost pages, and this page is ${site.origin}.`,
      next_step: `Serve it over https (smallrtc-lab demo --self-signed, or run with that option) and open its https address. Or forward the port (ssh -L ${port}:localhost:${port} …) and open http://localhost:${port}.`,
    };
  }
  if (!site.mediaDevices) {
    return {
      code: "no-media-devices",
      message: `This browser gives pages no ${names(wanted)}.`,
      next_step: "Open this notebook in a current Chrome, Edge, Firefox or Safari.",
    };
  }
  return null;
}

const are = (wanted: Wanted): string => (wanted.audio && wanted.video ? "are" : "is");

function notAllowed(text: string, site: Site, wanted: Wanted): Problem {
  const what = names(wanted);
  if (site.blockedByPolicy) {
    return {
      code: "blocked-by-policy",
      message: `The page around this notebook does not let it use the ${what}.`,
      next_step: "Open the notebook in a tab of its own.",
    };
  }
  if (/system/i.test(text)) {
    return {
      code: "blocked-by-system",
      message: `The operating system keeps the ${what} from this browser.`,
      next_step: "Allow it for the browser in the system's privacy settings, then press Start.",
    };
  }
  return {
    code: "permission-denied",
    message: site.denied ? `Your ${what} ${are(wanted)} blocked for this site.` : `You did not allow your ${what}.`,
    next_step: site.denied
      ? `Click the icon left of the address, allow the ${what}, then press Start. If nothing changes, reload the page.`
      : `Press Start to be asked again. If no question appears, click the icon left of the address, allow the ${what} and reload.`,
  };
}

/** A `DOMException` of getUserMedia (W3C Media Capture, 10.2) as a problem; `wanted` is what was asked for. */
export function deviceProblem(cause: unknown, site: Site, wanted: Wanted): Problem {
  if (cause instanceof LabError) return cause.problem;
  const name = cause instanceof Error || cause instanceof DOMException ? cause.name : "Error";
  const text = cause instanceof Error ? cause.message : String(cause);
  const what = names(wanted);
  switch (name) {
    case "NotAllowedError":
    case "SecurityError":
      return notAllowed(text, site, wanted);
    case "NotFoundError":
      return {
        code: "no-device",
        message: `No ${wanted.audio && wanted.video ? "camera or microphone" : what} was found.`,
        next_step: 'Connect one and press Start, or try Lab(fallback="test-signal").',
      };
    case "NotReadableError":
    case "AbortError":
      return {
        code: "device-in-use",
        message: `The ${what} could not be opened: another program seems to use it.`,
        next_step: "Close the other program or tab (a video call, perhaps), then press Start.",
      };
    case "OverconstrainedError": {
      const which = (cause as { constraint?: string }).constraint;
      return {
        code: "overconstrained",
        message: `No ${what} can do what was asked for${which ? ` (${which})` : ""}.`,
        next_step: "Ask for less in Lab(video=…, audio=…), or pick another device.",
      };
    }
    default:
      return { code: "device-error", message: `The ${what} could not be opened: ${text}`, next_step: "Press Start to try again." };
  }
}

/** A `DOMException` of getDisplayMedia (W3C Screen Capture, 5.1) as a problem; a picker that was closed is none. */
export function screenProblem(cause: unknown): Problem {
  const name = cause instanceof Error || cause instanceof DOMException ? cause.name : "Error";
  if (name === "NotFoundError" || name === "NotReadableError" || name === "AbortError") {
    return {
      code: "no-screen",
      message: "The browser found no screen or window that it may share.",
      next_step: "Allow screen recording for the browser in the system's privacy settings, then press the button again.",
    };
  }
  const text = cause instanceof Error ? cause.message : String(cause);
  return { code: "screen-error", message: `The screen could not be shared: ${text}`, next_step: "Press the button again." };
}

/** `noWelcome` where offers wait for the kernel's main thread. */
export const CELL_RUNS: Problem = {
  code: "cell-runs",
  message: "Python has not answered yet: it speaks through the notebook, where a cell is running.",
  next_step: "Press Start when the cell has ended, and run lab.wait_live() after that. If no cell runs, run this one again.",
};

/** Where a page is that no server extension leads to Python, as Python tells it; null where its own words are right. */
export interface Home {
  kind: string;
  notice: string;
  /** What to do where the page may open no camera, and the address that it speaks of. */
  page: string | null;
  url: string | null;
  /** What to do when no way for media is found. */
  no_path: string | null;
}

export function readHome(value: unknown): Home | null {
  const { kind, notice, page, url, no_path: noPath } = (value ?? {}) as Record<string, unknown>;
  if (typeof kind !== "string" || typeof notice !== "string") return null;
  const text = (one: unknown) => (typeof one === "string" && one !== "" ? one : null);
  const address = text(url);
  return { kind, notice, page: text(page), url: address && /^https?:/.test(address) ? address : null, no_path: text(noPath) };
}

const REFUSED = new Set(["permission-denied", "blocked-by-policy", "blocked-by-vscode", "no-media-devices"]);

/** The same problem with what is known of the place. */
export function atHome(problem: Problem, home: Home | null): Problem {
  if (home?.page && REFUSED.has(problem.code)) {
    const what = /camera and microphone|camera|microphone/.exec(problem.message)?.[0] ?? "camera";
    return { ...blockedByVsCode(what), next_step: home.page, url: home.url };
  }
  if (home?.no_path && problem.code === PROBLEMS.timeout.code) return { ...problem, next_step: home.no_path };
  return problem;
}

const WEBRTC_MET: Record<string, string> = {
  [PROBLEMS.timeout.code]: "the network lets no direct media through",
  [PROBLEMS.noWebRTC.code]: "this browser has WebRTC switched off",
  [PROBLEMS.notTried.code]: "no WebRTC is tried",
};

/** Neither WebRTC nor the relay: what each of them met. `relay` is why the server opens no socket for media, as far as it tells. */
export function noWay(direct: unknown, relay: string | null = null): LabError {
  const met = WEBRTC_MET[asProblem(direct).code] ?? asProblem(direct).message.replace(/\.$/, "");
  const why = relay ?? "something before it opens no such WebSocket.";
  return new LabError(
    "no-way",
    `Could not connect: ${met}, and the way through the Jupyter server is closed: ${why}`,
    "Give Lab(ice_servers=…) a TURN server, or let that way be opened; lab.diagnose() in a cell says more.",
  );
}

/** What differs on the page of a served bot: there is no cell and no Lab, and perhaps no Jupyter that anybody knows of. */
const ON_A_VISIT: Record<string, Partial<Problem>> = {
  [PROBLEMS.unreachable.code]: {
    code: "server-away",
    message: "The server of this page does not answer.",
    next_step: "Check that it still runs and that this computer is online, then press Start.",
  },
  [PROBLEMS.refused.code]: { message: "The server refused this page.", next_step: "Open the address with its token again." },
  "login-required": { message: "The server does not know you any more.", next_step: "Open the address with its token again." },
  [PROBLEMS.noExtension.code]: { message: "Nothing is served at this address.", next_step: "Check the address." },
  [PROBLEMS.timeout.code]: {
    message: "Could not connect to the bot: the network lets no direct media through.",
    next_step: "Press Start to try again. Behind a firewall a TURN server is needed, which the bot's server names.",
  },
  [PROBLEMS.noWebRTC.code]: { message: "This browser has WebRTC switched off.", next_step: "Open this page in another browser, or allow WebRTC in its settings." },
  [PROBLEMS.notTried.code]: { message: "No WebRTC is tried.", next_step: null },
  "no-way": {
    message: "Could not connect to the bot, neither directly nor through its server.",
    next_step: "Press Start to try again. A firewall must let WebSockets through, or the bot's server names a TURN server.",
  },
  [PROBLEMS.noWelcome.code]: { message: "The server has not answered in time.", next_step: "Press Start to try again." },
  [PROBLEMS.lost.code]: { message: "The connection to the bot was lost and could not be made again." },
  "nothing-served": { next_step: "Press Start again when the bot is there." },
  "not-served": { next_step: "Serve it again, then press Start." },
  busy: { message: "Somebody else talks to the bot, and it takes one at a time.", next_step: "Press Start when they have left." },
  "too-many": { message: "The bot talks to as many people as it may.", next_step: "Press Start when somebody has left." },
  "no-device": { next_step: "Connect one and press Start." },
  "no-media-devices": { next_step: "Open this page in a current Chrome, Edge, Firefox or Safari." },
  overconstrained: { next_step: "Pick another device." },
};

/** The same problem as a visitor reads it. */
export function onVisit(problem: Problem): Problem {
  return { ...problem, ...ON_A_VISIT[problem.code] };
}

/** Any thrown value as a problem, for what has no better explanation. */
export function asProblem(cause: unknown): Problem {
  if (cause instanceof LabError) return cause.problem;
  const text = cause instanceof Error ? cause.message : String(cause);
  return { code: "unexpected", message: `Something went wrong in the page: ${text}`, next_step: "Press Start to try again." };
}
