import assert from "node:assert/strict";
import { test } from "node:test";
import { asError, noWay, onVisit, PROBLEMS } from "../src/errors.ts";
import { offerBody } from "../src/negotiation.ts";
import { momentsBetween } from "../src/session/history.ts";
import { SHOWN_LENGTH, shownMessage, typedMessage } from "../src/session/message_text.ts";
import { readAddress } from "../src/signaling/address.ts";
import { readStarted } from "../src/signaling/entrance.ts";
import type { Snapshot } from "../src/status.ts";
import { FIRST, statusLine } from "../src/status.ts";

const now = (change: Partial<Snapshot>): Snapshot => ({ ...FIRST, link: "open", ...change });
const told = (after: Partial<Snapshot>, before: Partial<Snapshot>): string[] => momentsBetween(now(after), now(before)).map(({ text }) => text);

test("the token leaves the address, the session stays", () => {
  const found = readAddress("http://localhost:7860/client/?token=a%2Fb&session=echo#x");
  assert.deepEqual(found, { session: "echo", token: "a/b", clean: "http://localhost:7860/client/?session=echo#x" });
  assert.deepEqual(readAddress("https://h/client/"), { session: null, token: "", clean: "https://h/client/" });
});

test("start's answer gives a name, and ICE servers only where they make sense", () => {
  const turn = { urls: ["turn:t.example"], username: "u", credential: "c" };
  assert.deepEqual(readStarted({ sessionId: "s", iceConfig: { iceServers: [turn, { urls: 7 }, null] } }), { sessionId: "s", iceServers: [turn] });
  assert.deepEqual(readStarted({ sessionId: "s" }), { sessionId: "s", iceServers: [] });
  for (const bad of [null, {}, { sessionId: "" }, { sessionId: 3 }, "s"]) assert.equal(readStarted(bad), null);
});

test("a visitor's offer leaves the request data to what start was told", () => {
  assert.ok(!("request_data" in offerBody("v=0", null, null, false)));
  assert.deepEqual(offerBody("v=0", "p", null, false).request_data, { page: "p" });
});

test("a typed line is JSON where it is JSON, and text where not", () => {
  assert.deepEqual(['{"a": 1}', "3", "null", "hello", "{a: 1}", '"3"'].map(typedMessage), [{ a: 1 }, 3, null, "hello", "{a: 1}", "3"]);
});

test("messages are shown on one line, bounded", () => {
  assert.deepEqual([{ a: [1, "b"] }, "plain\ntext", 3].map(shownMessage), ['{"a":[1,"b"]}', "plain\ntext", "3"]);
  assert.match(shownMessage("x".repeat(5000)), /^x{2000}… \(5000 characters\)$/);
  assert.ok(shownMessage(Array(9999).fill(1)).length < SHOWN_LENGTH + 40);
});

test("the event log tells states and switches, and what to do about errors", () => {
  assert.deepEqual(told({ state: "asking" }, {}), ["Start: asking for devices"]);
  assert.deepEqual(told({ state: "live", audio: "on" }, { state: "connecting", audio: "on" }), ["Connected: live"]);
  assert.deepEqual(told({ state: "live", audio: "muted", camera: "on" }, { state: "live", audio: "on", camera: "opening" }), ["Microphone muted", "Camera on"]);
  assert.deepEqual(told({ state: "live", screen: "off" }, { state: "live", screen: "on" }), ["Screen no longer shared"]);
  assert.deepEqual(told({ state: "live", screen: "off" }, { state: "live", screen: "opening" }), []);
  assert.deepEqual(told({ state: "asking", camera: "test" }, { state: "asking", camera: "opening" }), ["A test signal in the place of the camera"]);
  assert.deepEqual(told({ state: "live" }, { state: "reconnecting" }), ["Connected again"]);
  assert.deepEqual(told({ state: "idle", notice: "The bot ended the conversation." }, { state: "live", audio: "on", returnedVideo: true }), [
    "Ended: camera and microphone are off",
    "The bot ended the conversation.",
  ]);
  const error = onVisit(PROBLEMS.lost);
  assert.deepEqual(told({ state: "failed", error }, { state: "live", audio: "on" }), [`${error.message} ${error.next_step}`]);
  assert.deepEqual(told({ state: "live", returnedVideo: true }, { state: "live" }), ["A picture comes back"]);
});

test("nothing new is nothing to tell, and an event is told once", () => {
  const same = { state: "live", audio: "on", notice: "n", error: PROBLEMS.lost, returnedVideo: true } as const;
  assert.deepEqual(told(same, same), []);
});

test("a visitor reads no word of cells, kernels or Labs", () => {
  const codes = [...Object.values(PROBLEMS).filter(({ code }) => !["kernel-gone", "server-restarted", "saved-view", "no-jupyter", "engine-lost"].includes(code))];
  for (const problem of [...codes, noWay(asError(PROBLEMS.timeout)).problem]) {
    const { message, next_step: nextStep } = onVisit(problem);
    assert.doesNotMatch(`${message} ${nextStep}`, /cell|kernel|Lab\(|Jupyter|notebook/i, problem.code);
  }
});

test("a visitor reads that media goes through the server, whatever server that is", () => {
  const stats = { fps: 30, width: 640, height: 480, rtt_ms: 12, bitrate_bps: null, loss: null, route: "relay" } as const;
  assert.match(statusLine(now({ state: "live", camera: "on", stats, relay: "the server" })).text, / · through the server, /);
  assert.deepEqual(told({ stats, relay: "the server" }, { relay: "the server" }), ["Media goes through the server: the network lets no WebRTC through"]);
});
