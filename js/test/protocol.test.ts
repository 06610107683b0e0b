import assert from "node:assert/strict";
import { test } from "node:test";
import { isEngineMessage, isPageMessage, parseChannelMessage, parseEngineMessage } from "../src/protocol.ts";
import { readJson } from "./reading.ts";

interface Golden {
  direction: "page" | "engine";
  valid: boolean;
  why?: string;
  message: unknown;
}
const golden = readJson("..", "tests", "contract", "session_socket.json") as Golden[];

test("every golden message is judged as the contract says", () => {
  for (const { direction, valid, message } of golden) {
    const check = direction === "page" ? isPageMessage : isEngineMessage;
    assert.equal(check(message), valid, JSON.stringify(message));
  }
});

test("the contract has a good example of every type and bad ones of both directions", () => {
  const types = (direction: string) => new Set(golden.filter((one) => one.valid && one.direction === direction).map((one) => (one.message as { type: string }).type));
  assert.deepEqual([...types("page")].sort(), ["claim", "control", "diagnosis", "hello", "settings", "stats", "status", "visible"]);
  assert.deepEqual([...types("engine")].sort(), ["ask", "command", "diagnose", "engine", "ice-servers", "log", "owner", "problem", "processors", "stats", "values", "welcome"]);
  for (const direction of ["page", "engine"]) assert.ok(golden.some((one) => !one.valid && one.direction === direction));
});

test("a text of the socket is parsed, and junk is null instead of an exception", () => {
  assert.deepEqual(parseEngineMessage('{"type":"log","text":"a"}'), { type: "log", text: "a" });
  for (const junk of ["", "{", "null", "3", "[]", '{"type":"later"}', new ArrayBuffer(3), undefined]) assert.equal(parseEngineMessage(junk), null);
});

test("the data channel tells signalling from the application's messages", () => {
  const left = parseChannelMessage('{"type":"signalling","message":{"type":"peerLeft"}}');
  assert.deepEqual(left, { kind: "signalling", message: { type: "peerLeft" } });
  assert.deepEqual(parseChannelMessage('{"label":"rtvi-ai","type":"x"}'), { kind: "application", message: { label: "rtvi-ai", type: "x" } });
  for (const value of [1, "text", null, [1], false]) assert.deepEqual(parseChannelMessage(JSON.stringify(value)), { kind: "application", message: value });
});

test("heartbeats and junk of the data channel are no messages", () => {
  for (const junk of ["ping: 1790000000000", "{", new ArrayBuffer(2), '{"type":"signalling"}']) assert.equal(parseChannelMessage(junk), null);
});
