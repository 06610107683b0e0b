import assert from "node:assert/strict";
import { test } from "node:test";
import { LabError } from "../src/errors.ts";
import { Gate, sleep, within } from "../src/session/waiting.ts";

const late = { code: "late", message: "too late", next_step: null };

test("a deadline rejects with its problem", async () => {
  const never = new Promise(() => undefined);
  await assert.rejects(within(never, 5, late, new AbortController().signal), (cause) => cause instanceof LabError && cause.problem.code === "late");
});

test("work that is done in time gives its result and leaves no timer", async () => {
  assert.equal(await within(Promise.resolve(3), 60_000, late, new AbortController().signal), 3);
});

test("an abort ends a wait at once, also one that began too late", async () => {
  const abort = new AbortController();
  const waiting = sleep(60_000, abort.signal);
  abort.abort(new Error("stop"));
  await assert.rejects(waiting, /stop/);
  await assert.rejects(sleep(60_000, abort.signal), /stop/);
  await assert.rejects(within(new Promise(() => undefined), 60_000, late, abort.signal), /stop/);
});

test("a gate passes what it was opened with, and a refusal nobody waits for is no error", async () => {
  const gate = new Gate<number>();
  gate.open(7);
  assert.equal(await gate.passed, 7);
  new Gate<number>().refuse(new Error("nobody waits"));
});
