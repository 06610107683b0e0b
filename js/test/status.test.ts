import assert from "node:assert/strict";
import { test } from "node:test";
import { PROBLEMS } from "../src/errors.ts";
import type { State, Trouble } from "../src/protocol.ts";
import { changeFor } from "../src/session/incoming.ts";
import type { Snapshot } from "../src/status.ts";
import { FIRST, LOG_LINES, mayMove, returnedCaption, spokenLine, statusLine, Store, withLine, withTrouble } from "../src/status.ts";

const now = (change: Partial<Snapshot>): Snapshot => ({ ...FIRST, link: "open", ...change });
const trouble = (code: string, count = 1): Trouble => ({ type: "problem", code, message: code, next_step: null, detail: null, count });
const STATES: State[] = ["idle", "asking", "connecting", "live", "reconnecting", "failed"];

test("every state leads back to idle, and live is reached by connecting only", () => {
  for (const state of STATES) assert.ok(mayMove(state, "idle"), state);
  assert.deepEqual(STATES.filter((state) => mayMove(state, "live")), ["connecting", "live", "reconnecting"]);
});

test("a move that does not exist raises and changes nothing", () => {
  const store = new Store();
  assert.throws(() => store.set({ state: "live" }), /no way from idle to live/);
  assert.equal(store.now.state, "idle");
});

test("listeners hear the new and the old snapshot, and nothing after they left", () => {
  const store = new Store();
  const heard: string[] = [];
  const leave = store.subscribe((after, before) => heard.push(`${before.state}-${after.state}`));
  store.set({ state: "asking" });
  leave();
  store.set({ state: "connecting" });
  assert.deepEqual(heard, ["idle-asking"]);
});

test("the status line says where it stands in plain words", () => {
  const stats = { fps: 29.7, width: 640, height: 480, rtt_ms: 12.3, bitrate_bps: 1, loss: 0, route: "direct" as const };
  const lines: [Partial<Snapshot>, RegExp][] = [
    [{ link: "none" }, /^Live media needs a running kernel$/],
    [{ link: "opening" }, /^Waiting for Python…$/],
    [{}, /^Ready: Start opens your camera and microphone$/],
    [{ opens: null }, /opens no device$/],
    [{ wanted: true, opens: "camera" }, /^Python asks for your camera: click Start$/],
    [{ state: "asking", camera: "opening" }, /^Asking for permission: look for the question near the address bar$/],
    [{ state: "connecting" }, /^Connecting…$/],
    [{ state: "live", stats, camera: "muted" }, /^Live · direct, 12\u00a0ms$/],
    [{ state: "live", stats, camera: "on" }, /^Live · direct, 12\u00a0ms · 640×480 · 30\/s$/],
    [{ state: "live", stats: { ...stats, route: "turn" }, camera: "test" }, /^Live with a test signal · through a TURN server, /],
    [{ owner: "another" }, /^Live in another tab$/],
    [{ owner: "simulation" }, /^A simulated browser is live: lab\.simulate\(\)\. Start takes over with your camera and microphone\.$/],
    [{ owner: "simulation", opens: null }, /Start takes over\.$/],
    [{ owner: "another", error: PROBLEMS.unreachable }, /^Waiting for the Jupyter server…$/],
    [{ state: "reconnecting" }, /Reconnecting…$/],
    [{ state: "failed", error: PROBLEMS.timeout }, /^Not live$/],
    [{ error: PROBLEMS.kernelGone }, /^The kernel was restarted or stopped\. Run the cell again\.$/],
    [{ error: PROBLEMS.serverRestarted }, /Reload the page, then run the cell again\.$/],
    [{ link: "absent", error: PROBLEMS.savedView }, /^This view was saved with the notebook, and its kernel has ended\. Run the cell to go live\.$/],
    [{ state: "failed", error: PROBLEMS.engineLost }, /run lab\.start\(\) in a cell, or this cell again\.$/],
  ];
  for (const [change, expected] of lines) assert.match(statusLine(now(change)).text, expected);
});

test("a screen reader hears changes, not figures, and errors with their next step", () => {
  const stats = { fps: 30, width: 640, height: 480, rtt_ms: 1, bitrate_bps: 1, loss: 0, route: "direct" as const };
  assert.equal(spokenLine(now({ state: "live", stats })), "Live");
  assert.equal(spokenLine(now({ state: "live", notice: "A hint." })), "Live. A hint.");
  assert.equal(spokenLine(now({ state: "connecting", notice: "A hint." })), "Connecting… A hint.");
  assert.equal(spokenLine(now({ state: "failed", error: PROBLEMS.noExtension })), `${PROBLEMS.noExtension.message} ${PROBLEMS.noExtension.next_step}`);
});

test("the caption says whose result is seen", () => {
  const processor = { name: "effect", controls: {} };
  assert.equal(returnedCaption(null, "the bot"), "From the bot");
  assert.equal(returnedCaption({ ...processor, state: "running" }, "Python"), "From Python: effect");
  assert.match(returnedCaption({ ...processor, state: "late" }, "Python"), /too slow, unprocessed/);
  assert.match(returnedCaption({ ...processor, state: "failed" }, "Python"), /failed, unprocessed/);
});

test("a problem replaces the one of its code, count 0 removes it, and their number is bounded", () => {
  let troubles = withTrouble(withTrouble([], trouble("a")), trouble("b"));
  troubles = withTrouble(troubles, trouble("a", 7));
  assert.deepEqual(troubles.map((one) => [one.code, one.count]), [["a", 7], ["b", 1]]);
  assert.deepEqual(withTrouble(troubles, trouble("a", 0)).map((one) => one.code), ["b"]);
  for (let i = 0; i < 100; i++) troubles = withTrouble(troubles, trouble(`many-${i}`));
  assert.equal(troubles.length, 20);
  assert.equal(troubles.at(-1)?.code, "many-99");
});

test("the log keeps the last lines and counts what it dropped", () => {
  let snapshot = FIRST;
  for (let i = 0; i < LOG_LINES + 5; i++) snapshot = { ...snapshot, ...withLine(snapshot, `line ${i}\n`) };
  assert.equal(snapshot.log.length, LOG_LINES);
  assert.equal(snapshot.logDropped, 5);
  assert.deepEqual(withLine(FIRST, "a\nb\n").log, ["a", "b"]);
});

test("an engine message changes its part of the snapshot and no other", () => {
  assert.deepEqual(changeFor(FIRST, { type: "values", values: { a: 1 } }), { values: { a: 1 } });
  assert.deepEqual(changeFor(FIRST, { type: "engine", state: "absent" }), {});
  assert.deepEqual(changeFor(FIRST, { type: "owner", who: "another" }), { owner: "another" });
  const processor = { name: "effect", state: "running" as const, controls: {} };
  const running = now({ returnedVideo: true, processors: { video: processor, audio: null } });
  assert.equal(changeFor(running, { type: "processors", video: null, audio: null }).returnedVideo, false);
  assert.equal(changeFor(running, { type: "processors", video: processor, audio: null }).returnedVideo, true);
});
