// The way in for clients from outside: `start` gives out a name of this client's own, and offers go there.
import { LabError } from "../errors.ts";
import type { Candidate, OfferBody } from "../negotiation.ts";
import type { IceServer } from "../protocol.ts";
import { isIceServer } from "../protocol.ts";
import type { Answer, Offering, Place } from "./server.ts";
import { request, RequestRefused, Signaling } from "./server.ts";

const DEADLINE_MS = 10_000;

interface Started {
  sessionId: string;
  iceServers: IceServer[];
}

/** The answer to `start`, or null for what is none; ICE servers that make no sense are left out. */
export function readStarted(value: unknown): Started | null {
  const { sessionId, iceConfig } = (value ?? {}) as { sessionId?: unknown; iceConfig?: { iceServers?: unknown } };
  if (typeof sessionId !== "string" || sessionId === "") return null;
  const servers = iceConfig?.iceServers;
  return { sessionId, iceServers: Array.isArray(servers) ? servers.filter(isIceServer) : [] };
}

export class Entrance implements Offering {
  private signaling: Signaling | null = null;
  /** Offers were sent: the client is not at its first, which a refusal must end. */
  private used = false;

  /** `session` is a served session's name; null: what is served longest. */
  constructor(
    private readonly place: Place,
    private readonly session: string | null,
  ) {}

  /** Asks for a name; the ICE servers to use. Raises `LabError`. */
  async start(): Promise<IceServer[]> {
    const path = this.session === null ? "smallrtc/start" : `smallrtc/sessions/${encodeURIComponent(this.session)}/start`;
    const body = JSON.stringify({ transport: "webrtc", enableDefaultIceServers: true, relay: true });
    const init = { method: "POST", body, signal: AbortSignal.timeout(DEADLINE_MS) };
    const started = readStarted(await request(this.place, new URL(path, this.place.base).href, init));
    if (!started) throw new LabError("bad-answer", "The server's answer to the start made no sense.", "Reload the page.");
    this.signaling = new Signaling(this.place, started.sessionId);
    return started.iceServers;
  }

  /** A name lives an hour after its last use: a later offer of the same client gets a new one, and so does its relay. */
  async offer(body: OfferBody, signal: AbortSignal): Promise<Answer> {
    try {
      return await this.entered.offer(body, signal);
    } catch (cause) {
      if (!(cause instanceof RequestRefused) || cause.status !== 404 || (body.pc_id === null && !this.used)) throw cause;
      await this.start();
      return this.entered.offer(body, signal);
    } finally {
      this.used = true;
    }
  }

  get unlikely(): boolean {
    return this.place.hub ?? false;
  }

  relay(withToken: boolean): string {
    return this.entered.relay(withToken);
  }

  async patch(pcId: string, candidates: Candidate[], signal: AbortSignal): Promise<void> {
    await this.entered.patch(pcId, candidates, signal);
  }

  /** Raises when the server does not answer at all; what it answers does not matter. */
  async reach(): Promise<void> {
    const init = { method: "GET", signal: AbortSignal.timeout(DEADLINE_MS) };
    try {
      await request(this.place, new URL("smallrtc/", this.place.base).href, init);
    } catch (cause) {
      if (!(cause instanceof RequestRefused)) throw cause;
    }
  }

  private get entered(): Signaling {
    if (!this.signaling) throw new Error("an offer before the start");
    return this.signaling;
  }
}
