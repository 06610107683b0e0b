import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { offerBody } from "../src/negotiation.ts";
import { Entrance } from "../src/signaling/entrance.ts";
import { RequestRefused } from "../src/signaling/server.ts";

const PLACE = { base: "http://localhost:7860/base/", token: "t" };
const NEVER = new AbortController().signal;
const original = globalThis.fetch;
Object.assign(globalThis, { document: { cookie: "" } });
afterEach(() => {
  globalThis.fetch = original;
});

/** A wire that gives these answers, one a request; what was asked, as "METHOD path". */
function answers(...given: [number, unknown][]): string[] {
  const asked: string[] = [];
  globalThis.fetch = (async (url: string, init: RequestInit) => {
    asked.push(`${init.method} ${new URL(url).pathname}`);
    const [status, body] = given.shift() ?? [500, null];
    return new Response(JSON.stringify(body), { status });
  }) as typeof fetch;
  return asked;
}

const ANSWER = { sdp: "v=0", type: "answer", pc_id: "p" };
const GONE = { message: "There is no such session.", reason: "unknown-session" };

test("a visitor starts, and its offers go to the name it was given", async () => {
  const asked = answers([200, { sessionId: "a/b" }], [200, ANSWER], [200, { status: "success" }]);
  const entrance = new Entrance(PLACE, null);
  assert.deepEqual(await entrance.start(), []);
  assert.equal((await entrance.offer(offerBody("v=0", null, null, false), NEVER)).pc_id, "p");
  await entrance.patch("p", [], NEVER);
  assert.deepEqual(asked, ["POST /base/smallrtc/start", "POST /base/smallrtc/sessions/a%2Fb/api/offer", "PATCH /base/smallrtc/sessions/a%2Fb/api/offer"]);
});

test("a name that was forgotten meanwhile is replaced for a connection that is known, once", async () => {
  const asked = answers([200, { sessionId: "old" }], [404, GONE], [200, { sessionId: "new" }], [200, ANSWER]);
  const entrance = new Entrance(PLACE, "echo");
  await entrance.start();
  await entrance.offer(offerBody("v=0", null, "p", true), NEVER);
  assert.deepEqual(asked.slice(2), ["POST /base/smallrtc/sessions/echo/start", "POST /base/smallrtc/sessions/new/api/offer"]);
});

test("a first offer that is refused stays refused", async () => {
  answers([200, { sessionId: "s" }], [404, GONE]);
  const entrance = new Entrance(PLACE, null);
  await entrance.start();
  await assert.rejects(entrance.offer(offerBody("v=0", null, null, false), NEVER), RequestRefused);
});

test("any answer shows that the server is there, and none that it is not", async () => {
  answers([404, GONE]);
  await new Entrance(PLACE, null).reach();
  globalThis.fetch = () => Promise.reject(new TypeError("failed to fetch"));
  await assert.rejects(new Entrance(PLACE, null).reach(), /does not answer/);
});

test("an answer to start that makes no sense is an error, not a name", async () => {
  answers([200, { session: 1 }]);
  await assert.rejects(new Entrance(PLACE, null).start(), /made no sense/);
});
