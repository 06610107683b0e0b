// The Jupyter server this page came from: where it is, how it is spoken to, and what its refusals mean.
import { asError, LabError, PROBLEMS } from "../errors.ts";
import type { Candidate, OfferBody } from "../negotiation.ts";

export interface Place {
  /** Absolute, with a slash at the end. */
  base: string;
  token: string;
  /** A JupyterHub's single-user server, as on Binder: no datagram finds its way to most of them. */
  hub?: boolean;
}

interface ConfigPage {
  config: string | null;
  bodyBaseUrl: string | undefined;
  origin: string;
}

/** JupyterLab, Notebook 7 and Voilà carry `jupyter-config-data`; nbclassic a data attribute. Neither: no server, null. */
export function placeFrom(page: ConfigPage): Place | null {
  let base: unknown = page.bodyBaseUrl;
  let token: unknown = "";
  let hub = false;
  if (page.config !== null) {
    try {
      const config = JSON.parse(page.config) as { baseUrl?: unknown; token?: unknown; hubPrefix?: unknown };
      base = config.baseUrl ?? base;
      token = config.token;
      hub = typeof config.hubPrefix === "string" && config.hubPrefix !== "";
    } catch {
      return null; // somebody else's script of that name
    }
  }
  if (typeof base !== "string" || base === "") return null;
  const url = new URL(base.endsWith("/") ? base : `${base}/`, page.origin);
  if (url.protocol !== "http:" && url.protocol !== "https:") return null;
  return { base: url.href, token: typeof token === "string" ? token : "", ...(hub ? { hub } : {}) };
}

export function findPlace(): Place | null {
  if (!location.origin.startsWith("http")) return null;
  return placeFrom({
    config: document.getElementById("jupyter-config-data")?.textContent ?? null,
    bodyBaseUrl: document.body?.dataset["baseUrl"],
    origin: location.origin,
  });
}

/** The address of a session's socket, or of one for a view of a plot of that session. */
export function socketUrl(place: Place, session: string, withToken: boolean, plot: string | null = null): string {
  const within = plot === null ? "" : `/plots/${encodeURIComponent(plot)}`;
  const url = new URL(`smallrtc/sessions/${encodeURIComponent(session)}${within}/socket`, place.base);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  if (withToken && place.token) url.searchParams.set("token", place.token);
  return url.href;
}

/** Where the media of a page goes that WebRTC finds no path for. */
export function relayUrl(place: Place, session: string, withToken: boolean): string {
  const url = new URL(`smallrtc/sessions/${encodeURIComponent(session)}/media`, place.base);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  if (withToken && place.token) url.searchParams.set("token", place.token);
  return url.href;
}

function xsrf(): string | null {
  const match = /(?:^|;\s*)_xsrf=([^;]*)/.exec(document.cookie);
  return match?.[1] ? decodeURIComponent(match[1]) : null;
}

function headers(place: Place): Record<string, string> {
  const all: Record<string, string> = { "Content-Type": "application/json" };
  const cookie = xsrf();
  if (cookie) all["X-XSRFToken"] = cookie;
  if (place.token) all["Authorization"] = `token ${place.token}`;
  return all;
}

/** A refusal as what it means to the person. Ours are JSON with a `reason`; a 404 without one is Jupyter's own: nobody serves it. */
export function refusal(status: number, body: unknown): LabError {
  const { message, reason } = (typeof body === "object" && body !== null ? body : {}) as { message?: unknown; reason?: unknown };
  if (typeof reason === "string" && reason !== "" && typeof message === "string") return new RequestRefused(status, reason, message);
  if (status === 404) return fromProblem(status, PROBLEMS.noExtension);
  if (status === 401 || status === 403) return fromProblem(status, PROBLEMS.refused);
  const said = typeof message === "string" && message ? message : `status ${status}`;
  return new RequestRefused(status, `http-${status}`, `The Jupyter server could not do it: ${said}`);
}

function fromProblem(status: number, problem: { code: string; message: string; next_step: string | null }): RequestRefused {
  return new RequestRefused(status, problem.code, problem.message, problem.next_step);
}

/** An answer of the server that is not a 200. */
export class RequestRefused extends LabError {
  readonly status: number;

  constructor(status: number, code: string, message: string, nextStep: string | null = null) {
    super(code, message, nextStep);
    this.status = status;
  }

  /** 4xx will not get better by itself; 429 (too many) and 5xx may. */
  get final(): boolean {
    return this.status >= 400 && this.status < 500 && this.status !== 429;
  }
}

export async function request(place: Place, url: string, init: RequestInit): Promise<unknown> {
  let response: Response;
  try {
    response = await fetch(url, { ...init, headers: headers(place), credentials: "same-origin", cache: "no-store" });
  } catch (cause) {
    if (init.signal?.aborted) throw cause;
    throw asError(PROBLEMS.unreachable);
  }
  const body: unknown = await response.json().catch(() => null); // an error page is HTML; its status says enough
  if (!response.ok) throw refusal(response.status, body);
  return body;
}

export interface Answer {
  sdp: string;
  type: "answer";
  pc_id: string;
  /** The engine has the conversation that the offer named: messages are numbered. */
  conversation?: boolean;
}

export function isAnswer(value: unknown): value is Answer {
  const { sdp, type, pc_id: id } = (value ?? {}) as Record<string, unknown>;
  return typeof sdp === "string" && type === "answer" && typeof id === "string";
}

/** What a peer asks for: an answer to its offer, and to hand on its candidates (SmallWebRTC protocol). */
export interface Offering {
  offer(body: OfferBody, signal: AbortSignal): Promise<Answer>;
  patch(pcId: string, candidates: Candidate[], signal: AbortSignal): Promise<void>;
  /** The address of the socket that carries media where WebRTC finds no path; undefined where there is none. */
  relay?(withToken: boolean): string;
  /** After it was refused: what the server says of that; null where it would open it. */
  whyNoRelay?(): Promise<string | null>;
  /** WebRTC is known to find nothing in most places like this one. */
  readonly unlikely?: boolean;
}

/** The two requests of one session. */
export class Signaling implements Offering {
  private readonly url: string;

  constructor(
    private readonly place: Place,
    private readonly session: string,
  ) {
    this.url = new URL(`smallrtc/sessions/${encodeURIComponent(session)}/api/offer`, place.base).href;
  }

  async offer(body: OfferBody, signal: AbortSignal): Promise<Answer> {
    const answer = await request(this.place, this.url, { method: "POST", body: JSON.stringify(body), signal });
    if (!isAnswer(answer)) throw new LabError("bad-answer", "Python's answer to the offer made no sense.", "Restart the kernel.");
    return answer;
  }

  async patch(pcId: string, candidates: Candidate[], signal: AbortSignal): Promise<void> {
    const body = JSON.stringify({ pc_id: pcId, candidates });
    await request(this.place, this.url, { method: "PATCH", body, signal });
  }

  get unlikely(): boolean {
    return this.place.hub ?? false;
  }

  relay(withToken: boolean): string {
    return relayUrl(this.place, this.session, withToken);
  }

  /** A WebSocket never says why it was refused: a plain GET of the same address does. */
  async whyNoRelay(): Promise<string | null> {
    const url = relayUrl(this.place, this.session, false).replace(/^ws/, "http");
    try {
      await request(this.place, url, { method: "GET", signal: AbortSignal.timeout(5000) });
    } catch (cause) {
      if (!(cause instanceof RequestRefused)) return "the server does not answer.";
      if (cause.problem.code === PROBLEMS.noExtension.code) return "its smallrtc-lab is an older one, which has none; install the kernel's there.";
      if (cause.status !== 426 && cause.status !== 400) return cause.problem.message;
    }
    return null;
  }
}

export type Probe = "missing" | "no-jupyter" | "refused" | "unknown-session" | "there" | "unreachable";

/** Every Jupyter server tells its version to everybody; Voilà's own server, or a proxy before one, does not. */
async function isJupyter(place: Place): Promise<boolean> {
  try {
    const said = await request(place, new URL("api", place.base).href, { method: "GET", signal: AbortSignal.timeout(5000) });
    return typeof (said as { version?: unknown } | null)?.version === "string";
  } catch {
    return false;
  }
}

/** A WebSocket never says why it was refused: a plain GET of the same address does. */
export async function probeSocket(place: Place, session: string): Promise<Probe> {
  const url = new URL(`smallrtc/sessions/${encodeURIComponent(session)}/socket`, place.base).href;
  try {
    await request(place, url, { method: "GET", signal: AbortSignal.timeout(5000) });
    return "there";
  } catch (cause) {
    if (!(cause instanceof RequestRefused)) return "unreachable";
    if (cause.status === 404) return cause.problem.code === PROBLEMS.noExtension.code ? "missing" : "unknown-session";
    if (cause.status === 401 || cause.status === 403) return (await isJupyter(place)) ? "refused" : "no-jupyter";
    return cause.status >= 500 ? "unreachable" : "there";
  }
}
