import assert from "node:assert/strict";
import { test } from "node:test";
import type { Options } from "../src/model.ts";
import * as n from "../src/negotiation.ts";

const options = (change: Partial<Options> = {}): Options => ({ audio: {}, video: {}, screen: false, ...change });

test("a bitrate that was asked for holds within the limit of the server", () => {
  assert.equal(n.mostBps({}, null), undefined);
  assert.equal(n.mostBps({ max_bitrate_bps: 8_000_000 }, undefined), 8_000_000);
  assert.equal(n.mostBps({ max_bitrate_bps: 8_000_000 }, 400_000), 400_000);
  assert.equal(n.mostBps({ max_bitrate_bps: 300_000 }, 400_000), 300_000);
  assert.equal(n.mostBps({}, 400_000), 400_000);
});

test("the three sections keep their order whatever is switched off", () => {
  assert.deepEqual(n.sections(options()).map((one) => [one.source, one.direction]), [["audio", "sendrecv"], ["camera", "sendrecv"], ["screen", "sendonly"]]);
  assert.deepEqual(n.sections(options({ audio: false, video: false })).map((one) => one.direction), ["recvonly", "recvonly", "sendonly"]);
});

test("a session without microphone and camera only receives", () => {
  assert.equal(n.receiveOnly(options({ audio: false, video: false })), true);
  assert.equal(n.receiveOnly(options({ audio: false })), false);
});

test("the camera's constraints are cut to the limits, wishes stay wishes", () => {
  const limits = { max_width: 1280, max_height: 720, max_frame_rate: 30 };
  const clipped = n.clipVideo({ width: 4096, height: { ideal: 2160, min: 1000 }, frameRate: { exact: 60, max: 90 }, facingMode: "user" }, limits);
  assert.deepEqual(clipped, { width: 1280, height: { ideal: 720, min: 720, max: 720 }, frameRate: { exact: 30, max: 30 }, facingMode: "user" });
  assert.deepEqual(n.clipVideo({ width: 320 }, {}), { width: 320 });
  assert.deepEqual(n.clipVideo({}, limits), {});
});

test("a picked device replaces what would contradict it", () => {
  assert.deepEqual(n.withDevice({ width: 1, facingMode: "user" }, "abc"), { width: 1, deviceId: { exact: "abc" } });
  assert.deepEqual(n.withDevice({ width: 1 }, null), { width: 1 });
});

test("the end of gathering is the empty candidate", () => {
  assert.deepEqual(n.wireCandidate(null), { candidate: "", sdp_mid: "0", sdp_mline_index: 0 });
  const candidate = { candidate: "candidate:1 1 udp 1 192.0.2.1 9 typ host", sdpMid: "1", sdpMLineIndex: 1 } as RTCIceCandidate;
  assert.deepEqual(n.wireCandidate(candidate), { candidate: candidate.candidate, sdp_mid: "1", sdp_mline_index: 1 });
});

test("a restart is asked for only where there is something to restart", () => {
  assert.equal(n.offerBody("v=0", "page", null, true).restart_pc, false);
  assert.deepEqual(n.offerBody("v=0", "page", "id", true), { sdp: "v=0", type: "offer", pc_id: "id", restart_pc: true, request_data: { page: "page" } });
});

const ANSWER = ["v=0", "m=audio 9 X 111", "a=rtpmap:111 opus/48000/2", "a=fmtp:111 minptime=10", "m=video 9 X 97 98", "a=rtpmap:97 VP8/90000", "a=rtpmap:98 rtx/90000", "a=fmtp:98 apt=97", ""].join("\r\n");

test("the answer lets the encoder start with enough, within the session's limit", () => {
  assert.match(n.shapeAnswer(ANSWER, { raw: false, stereo: false, maxBitrateBps: undefined }), /a=rtpmap:97 VP8\/90000\r\na=fmtp:97 x-google-start-bitrate=1200\r\n/);
  const low = n.shapeAnswer(ANSWER, { raw: false, stereo: false, maxBitrateBps: 300_000 });
  assert.match(low, /start-bitrate=300\r\n/);
  assert.match(low, /a=fmtp:111 minptime=10\r\n/);
  assert.match(low, /a=fmtp:98 apt=97\r\n/);
});

test("raw and stereo sound are asked of the Opus encoder", () => {
  assert.match(n.shapeAnswer(ANSWER, { raw: true, stereo: true, maxBitrateBps: undefined }), /a=fmtp:111 minptime=10;stereo=1;maxaveragebitrate=128000\r\n/);
});

test("lost sound is sent again, and nothing else of the answer changes for it", () => {
  const shaped = n.shapeAnswer(ANSWER, { raw: false, stereo: false, maxBitrateBps: undefined });
  assert.match(shaped, /a=rtpmap:111 opus\/48000\/2\r\na=rtcp-fb:111 nack\r\n/);
  assert.equal(shaped.match(/ nack/g)?.length, 1);
});

test("raw means both echo cancellation and noise suppression off", () => {
  assert.equal(n.isRaw({ echoCancellation: false, noiseSuppression: false }), true);
  assert.equal(n.isRaw({ echoCancellation: false }), false);
  assert.equal(n.isRaw(false), false);
});

test("pauses grow and stay bounded", () => {
  assert.deepEqual([0, 1, 2, 3, 9, 5000].map((i) => n.backoffMs(i, 500, 4000)), [500, 1000, 2000, 4000, 4000, 4000]);
});

const PAIR = { id: "p", type: "candidate-pair", timestamp: 0, nominated: true, state: "succeeded", localCandidateId: "l", remoteCandidateId: "r", currentRoundTripTime: 0.0124 };
const END = (candidateType: string) => ({ id: "l", type: "local-candidate", timestamp: 0, candidateType });
const sent = (timestamp: number, bytesSent: number, packetsSent: number) => ({ id: "o", type: "outbound-rtp", timestamp, kind: "video", bytesSent, packetsSent, frameWidth: 640, frameHeight: 480, framesPerSecond: 30 });
const lost = (packetsLost: number) => ({ id: "ri", type: "remote-inbound-rtp", timestamp: 0, kind: "video", packetsLost });

test("beside a shared screen the figures are the camera's", () => {
  const screen = { ...sent(1000, 1, 1), id: "S", mid: "2", frameWidth: 1920, framesPerSecond: 5 };
  const camera = { ...sent(1000, 1, 1), mid: "1" };
  const { stats } = n.digest([screen, camera], null);
  assert.deepEqual([stats.width, stats.fps], [640, 30]);
  assert.equal(n.digest([screen, { ...camera, framesPerSecond: 0 }], null).stats.width, 1920);
});

test("two looks at getStats give rate, loss, delay and route", () => {
  const first = n.digest([PAIR, END("host"), sent(1000, 1000, 10), lost(0)], null);
  assert.deepEqual(first.stats, { fps: 30, width: 640, height: 480, rtt_ms: 12.4, bitrate_bps: null, loss: null, route: "direct" });
  const { stats } = n.digest([PAIR, END("relay"), sent(2000, 126_000, 110), lost(1)], first.counters);
  assert.deepEqual([stats.bitrate_bps, stats.loss, stats.route], [1_000_000, 0.01, "turn"]);
});

test("a page that only receives counts what it receives", () => {
  const received = (timestamp: number, bytesReceived: number) => ({ id: "i", type: "inbound-rtp", timestamp, kind: "video", bytesReceived, packetsReceived: 5, packetsLost: 0, frameWidth: 320, frameHeight: 240, framesPerSecond: 15 });
  const first = n.digest([received(0, 0)], null);
  const { stats } = n.digest([received(1000, 25_000)], first.counters);
  assert.deepEqual([stats.bitrate_bps, stats.width, stats.fps, stats.route], [200_000, 320, 15, null]);
});

test("counters that start again after a reconnection give no nonsense", () => {
  const { stats } = n.digest([sent(2000, 10, 1)], { timeMs: 1000, bytes: 5000, packets: 50, lost: 3 });
  assert.deepEqual([stats.bitrate_bps, stats.loss], [null, null]);
});

test("no reports at all are no error", () => {
  assert.deepEqual(n.digest([], null).stats, { fps: null, width: null, height: null, rtt_ms: null, bitrate_bps: null, loss: null, route: null });
});

test("the pairs a browser tried are told by kind, without an address", () => {
  const reports = [
    { id: "L1", type: "local-candidate", timestamp: 1, candidateType: "relay", protocol: "udp", relayProtocol: "tcp", address: "10.0.0.1" },
    { id: "R1", type: "remote-candidate", timestamp: 1, candidateType: "host", protocol: "udp", address: "10.0.0.2" },
    { id: "P1", type: "candidate-pair", timestamp: 1, localCandidateId: "L1", remoteCandidateId: "R1", state: "succeeded" },
    { id: "P2", type: "candidate-pair", timestamp: 1, localCandidateId: "gone", remoteCandidateId: "R1", state: "failed" },
  ];
  assert.deepEqual(n.pairsSeen(reports), [
    { local: "relay", remote: "host", protocol: "tcp", state: "succeeded" },
    { local: "unknown", remote: "host", protocol: "unknown", state: "failed" },
  ]);
});

test("an answer without any candidate is seen to lead nowhere", () => {
  assert.equal(n.namesAddress("v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\n"), false);
  assert.equal(n.namesAddress("v=0\r\na=mid:0\r\na=candidate:1 1 udp 2130706431 10.0.0.2 5000 typ host\r\n"), true);
});
