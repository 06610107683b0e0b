// Pure decisions around an offer: what is asked of the devices, the order of the media sections, what is written into a
// description, when to try again, and what getStats means. No browser object is touched here, so all of it is unit-tested.
import type { Constraints, Options } from "./model.ts";
import type { Limits, PageStats, Route } from "./protocol.ts";

/** The order of the media sections is their identity on the wire: 0 audio, 1 camera, 2 screen. */
export const SECTION = { audio: 0, camera: 1, screen: 2 } as const;
export type Source = keyof typeof SECTION;

export interface Section {
  source: Source;
  kind: "audio" | "video";
  direction: "sendrecv" | "recvonly" | "sendonly";
}

/** All three sections from the start, so that a source can be switched on, off or replaced without a new offer. */
export function sections(options: Options): Section[] {
  return [
    { source: "audio", kind: "audio", direction: options.audio ? "sendrecv" : "recvonly" },
    { source: "camera", kind: "video", direction: options.video ? "sendrecv" : "recvonly" },
    { source: "screen", kind: "video", direction: "sendonly" },
  ];
}

export function receiveOnly(options: Options): boolean {
  return !options.audio && !options.video;
}

const CLIPPED: Record<string, keyof Limits> = {
  width: "max_width",
  height: "max_height",
  frameRate: "max_frame_rate",
};

function clipOne(value: unknown, most: number): unknown {
  if (typeof value === "number") return Math.min(value, most);
  if (typeof value !== "object" || value === null) return { max: most };
  const clipped = Object.entries(value).map(([key, n]) => [key, typeof n === "number" ? Math.min(n, most) : n]);
  return { ...Object.fromEntries(clipped), max: Math.min((value as { max?: number }).max ?? most, most) };
}

/** The camera's constraints, cut to what the session's limits allow; a bare number stays the wish (ideal) it is in W3C's terms. */
export function clipVideo(constraints: Constraints, limits: Partial<Limits>): Constraints {
  const clipped: Constraints = { ...constraints };
  for (const [name, limit] of Object.entries(CLIPPED)) {
    const most = limits[limit];
    if (most !== undefined && clipped[name] !== undefined) clipped[name] = clipOne(clipped[name], most);
  }
  return clipped;
}

/** The constraints with another device asked for, when the person picked one. */
export function withDevice(constraints: Constraints, deviceId: string | null): Constraints {
  if (!deviceId) return constraints;
  const rest = Object.entries(constraints).filter(([name]) => name !== "facingMode" && name !== "groupId");
  return { ...Object.fromEntries(rest), deviceId: { exact: deviceId } };
}

/** Whether sound is wanted as it is (measurements), not as a call would shape it. */
export function isRaw(audio: false | Constraints): boolean {
  return audio !== false && audio["echoCancellation"] === false && audio["noiseSuppression"] === false;
}

export interface Candidate {
  candidate: string;
  sdp_mid: string | null;
  sdp_mline_index: number | null;
}

/** A browser's candidate on the wire; null, the end of gathering, is the empty string of RFC 8840. */
export function wireCandidate(candidate: RTCIceCandidate | null): Candidate {
  if (candidate === null) return { candidate: "", sdp_mid: "0", sdp_mline_index: 0 };
  return {
    candidate: candidate.candidate,
    sdp_mid: candidate.sdpMid,
    sdp_mline_index: candidate.sdpMLineIndex,
  };
}

export interface OfferBody {
  sdp: string;
  type: "offer";
  pc_id: string | null;
  restart_pc: boolean;
  request_data?: { page: string; conversation?: string };
  /** A visitor's, whose request data is the bot's. */
  conversation?: string;
}

/** `page` names a notebook's page to its engine; a visitor (null) leaves the request data to what `start` was told. */
export function offerBody(sdp: string, page: string | null, pcId: string | null, restart: boolean, conversation?: string): OfferBody {
  const body: OfferBody = { sdp, type: "offer", pc_id: pcId, restart_pc: restart && pcId !== null };
  const named = conversation ? { conversation } : {};
  return page === null ? { ...body, ...named } : { ...body, request_data: { page, ...named } };
}

/** Adds parameters to the `a=fmtp` lines of one codec (RFC 8866, 6.15), inserting a line where there is none. */
export function withCodecParameters(sdp: string, codec: RegExp, parameters: string): string {
  const lines = sdp.split("\r\n");
  const types = lines.flatMap((line) => {
    const match = /^a=rtpmap:(\d+) ([^/]+)\//.exec(line);
    return match?.[1] !== undefined && codec.test(match[2] ?? "") ? [match[1]] : [];
  });
  for (const type of types) {
    const at = lines.findIndex((line) => line.startsWith(`a=fmtp:${type} `));
    if (at >= 0) lines[at] += `;${parameters}`;
    else lines.splice(lines.findIndex((line) => line.startsWith(`a=rtpmap:${type} `)) + 1, 0, `a=fmtp:${type} ${parameters}`);
  }
  return lines.join("\r\n");
}

/** The most bits a second that the page's pictures may take: what was asked for, within what the server allows. */
export function mostBps(limits: Partial<Limits>, asked: number | null | undefined): number | undefined {
  const limit = limits.max_bitrate_bps;
  return typeof asked === "number" ? Math.min(asked, limit ?? asked) : limit;
}

/** Bits a second of the page's sound: raw sound is not thinned to speech quality, unless its way is narrow. */
export function soundBps(raw: boolean, limits: Partial<Limits>): number {
  return Math.min(raw ? 128_000 : 64_000, limits.max_sound_bps ?? Infinity);
}

/** Chromium sends lost packets of sound again when the answer says that it will be asked to (generic NACK, RFC 4585, section 6.2.1). */
export function withRetransmission(sdp: string, codec: RegExp): string {
  return sdp.replace(/^a=rtpmap:(\d+) ([^/\r\n]+)\/.*\r?\n/gm, (line: string, type: string, name: string) =>
    codec.test(name) ? `${line}a=rtcp-fb:${type} nack\r\n` : line,
  );
}

export interface Shape {
  raw: boolean;
  stereo: boolean;
  /** Where the way is narrow. */
  maxSoundBps?: number | undefined;
  maxBitrateBps: number | undefined;
}

/**
 * The answer as this page applies it. Chromium starts at 300 kbit/s and shrinks the picture until its estimate has grown:
 * `x-google-start-bitrate` (kbit/s) lets it begin with what a 640×480 picture needs. Raw sound is not thinned to speech quality.
 */
export function shapeAnswer(sdp: string, shape: Shape): string {
  const start = Math.round(Math.min(1_200_000, shape.maxBitrateBps ?? 1_200_000) / 1000);
  let shaped = withCodecParameters(sdp, /^(VP8|VP9|H264|AV1)$/i, `x-google-start-bitrate=${start}`);
  if (shape.stereo) shaped = withCodecParameters(shaped, /^opus$/i, "stereo=1");
  if (shape.raw || shape.maxSoundBps !== undefined) {
    const bitrate = soundBps(shape.raw, { max_sound_bps: shape.maxSoundBps });
    shaped = withCodecParameters(shaped, /^opus$/i, `maxaveragebitrate=${bitrate}`);
  }
  return withRetransmission(shaped, /^opus$/i);
}

/** Whether an answer has a candidate: ours holds all that its side will ever have. */
export function namesAddress(sdp: string): boolean {
  return /^a=candidate:/m.test(sdp);
}

/** Milliseconds before try number `attempt` (0, 1, …): doubling, bounded, so that a page never hammers a server. */
export function backoffMs(attempt: number, firstMs: number, mostMs: number): number {
  return Math.min(mostMs, firstMs * 2 ** Math.min(attempt, 20));
}

/** Cumulative counters of the last look at getStats. */
export interface Counters {
  timeMs: number;
  bytes: number;
  packets: number;
  lost: number;
}

interface Report {
  id: string;
  type: string;
  timestamp: number;
  [key: string]: unknown;
}

const num = (report: Report | undefined, key: string): number | null => {
  const value = report?.[key];
  return typeof value === "number" && Number.isFinite(value) ? value : null;
};
const sum = (reports: Report[], key: string): number => reports.reduce((total, one) => total + (num(one, key) ?? 0), 0);

function selectedPair(reports: Report[]): Report | undefined {
  const id = reports.find((one) => one.type === "transport" && one["selectedCandidatePairId"])?.["selectedCandidatePairId"];
  const pairs = reports.filter((one) => one.type === "candidate-pair");
  return pairs.find((one) => one.id === id) ?? pairs.find((one) => one["nominated"] && one["state"] === "succeeded");
}

/** Bytes that have come on the selected pair of candidates, sound, pictures and feedback together; null before there is one. */
export function bytesHeard(reports: Report[]): number | null {
  return num(selectedPair(reports), "bytesReceived");
}

function routeOf(reports: Report[], pair: Report | undefined): Route | null {
  if (!pair) return null;
  const ends = [pair["localCandidateId"], pair["remoteCandidateId"]];
  const relayed = reports.some((one) => ends.includes(one.id) && one["candidateType"] === "relay");
  return relayed ? "turn" : "direct";
}

/** A pair of candidates that the browser checked: what kinds they are, never where. */
export interface PairSeen {
  local: string;
  remote: string;
  protocol: string;
  state: string;
}

/** Every pair in the reports of one getStats; `protocol` is the way to a TURN server where one is used. */
export function pairsSeen(reports: Report[]): PairSeen[] {
  const end = (pair: Report, key: string) => reports.find((one) => one.id === pair[key]);
  return reports
    .filter((one) => one.type === "candidate-pair")
    .map((pair) => {
      const [local, remote] = [end(pair, "localCandidateId"), end(pair, "remoteCandidateId")];
      const word = (report: Report | undefined, key: string) => String(report?.[key] ?? "unknown");
      return {
        local: word(local, "candidateType"),
        remote: word(remote, "candidateType"),
        protocol: word(local, local?.["relayProtocol"] ? "relayProtocol" : "protocol"),
        state: word(pair, "state"),
      };
    });
}

/** The reports of one getStats (W3C webrtc-stats) as the page's `stats` message; `last` is what the previous call returned. */
export function digest(reports: Report[], last: Counters | null): { stats: PageStats; counters: Counters } {
  const ofType = (type: string) => reports.filter((one) => one.type === type);
  const sent = ofType("outbound-rtp");
  const received = ofType("inbound-rtp");
  const sending = sum(sent, "bytesSent") > 0;
  const flow = sending ? sent : received;
  const inOrder = [...sent].sort((a, b) => String(a["mid"]).localeCompare(String(b["mid"]))); // the camera's section is before the screen's
  const pictures = [...inOrder, ...received].filter((one) => one["kind"] === "video" && num(one, "frameWidth"));
  const picture = pictures.find((one) => num(one, "framesPerSecond")) ?? pictures[0];
  const pair = selectedPair(reports);
  const counters: Counters = {
    timeMs: flow[0]?.timestamp ?? last?.timeMs ?? 0,
    bytes: sum(flow, sending ? "bytesSent" : "bytesReceived"),
    packets: sum(flow, sending ? "packetsSent" : "packetsReceived"),
    lost: sum(sending ? ofType("remote-inbound-rtp") : received, "packetsLost"),
  };
  const rttS = num(pair, "currentRoundTripTime");
  const stats: PageStats = {
    fps: num(picture, "framesPerSecond"),
    width: num(picture, "frameWidth"),
    height: num(picture, "frameHeight"),
    rtt_ms: rttS === null ? null : Math.round(rttS * 10_000) / 10,
    bitrate_bps: null,
    loss: null,
    route: routeOf(reports, pair),
  };
  if (last && counters.timeMs > last.timeMs && counters.bytes >= last.bytes) {
    stats.bitrate_bps = Math.round(((counters.bytes - last.bytes) * 8000) / (counters.timeMs - last.timeMs));
    const packets = counters.packets - last.packets;
    stats.loss = packets > 0 ? Math.min(1, Math.max(0, (counters.lost - last.lost) / packets)) : null;
  }
  return { stats, counters };
}
