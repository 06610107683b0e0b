import assert from "node:assert/strict";
import { test } from "node:test";
import { PROBLEMS } from "../src/errors.ts";
import { placeFrom, refusal, relayUrl, RequestRefused, socketUrl } from "../src/signaling/server.ts";

const origin = "https://hub.example.org";
const page = (config: unknown, bodyBaseUrl?: string) => ({ config: config === null ? null : JSON.stringify(config), bodyBaseUrl, origin });

test("the server is found in JupyterLab, Notebook and nbclassic pages, behind any base_url", () => {
  assert.deepEqual(placeFrom(page({ baseUrl: "/user/ann/", token: "t" })), { base: `${origin}/user/ann/`, token: "t" });
  assert.equal(placeFrom(page({ baseUrl: "/lab" }))?.base, `${origin}/lab/`);
  assert.equal(placeFrom(page(null, "/tree/"))?.base, `${origin}/tree/`);
  assert.equal(placeFrom(page({ baseUrl: "http://127.0.0.1:9/x/" }))?.base, "http://127.0.0.1:9/x/");
});

test("a page without a Jupyter server has no place", () => {
  assert.equal(placeFrom(page(null)), null);
  assert.equal(placeFrom(page({})), null);
  assert.equal(placeFrom({ config: "{", bodyBaseUrl: undefined, origin }), null);
});

test("the socket's address is wss for https, and has the token only when asked", () => {
  const place = { base: `${origin}/user/ann/`, token: "se/cret" };
  assert.equal(socketUrl(place, "a/b", false), "wss://hub.example.org/user/ann/smallrtc/sessions/a%2Fb/socket");
  assert.match(socketUrl(place, "s", true), /socket\?token=se%2Fcret$/);
  assert.match(socketUrl({ base: "http://localhost:8888/", token: "" }, "s", true), /^ws:\/\/localhost:8888\/smallrtc\/sessions\/s\/socket$/);
});

test("the relay's address is beside the socket's, and a hub is known by its page", () => {
  const place = placeFrom(page({ baseUrl: "/user/ann/", token: "t", hubPrefix: "/hub/" }));
  assert.deepEqual(place, { base: `${origin}/user/ann/`, token: "t", hub: true });
  assert.equal(place && relayUrl(place, "a/b", false), "wss://hub.example.org/user/ann/smallrtc/sessions/a%2Fb/media");
  assert.match((place && relayUrl(place, "s", true)) ?? "", /media\?token=t$/);
});

test("our own refusals keep their sentence, Jupyter's 404 means that nobody serves the address", () => {
  const ours = refusal(400, { message: "This lab is live in another tab.", reason: "live-elsewhere" });
  assert.deepEqual([ours.problem.code, ours.message], ["live-elsewhere", "This lab is live in another tab."]);
  assert.equal(refusal(404, null).problem.code, PROBLEMS.noExtension.code);
  assert.equal(refusal(403, { message: "Forbidden", reason: null }).problem.code, PROBLEMS.refused.code);
  assert.equal(refusal(404, { message: "There is no such session", reason: "unknown-session" }).problem.code, "unknown-session");
  assert.match(refusal(500, null).message, /500/);
});

test("4xx is final, 429 and 5xx may get better", () => {
  const final = (status: number) => (refusal(status, { message: "m", reason: "r" }) as RequestRefused).final;
  assert.deepEqual([400, 404, 429, 503].map(final), [true, true, false, false]);
});
