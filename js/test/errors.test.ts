import assert from "node:assert/strict";
import { test } from "node:test";
import type { Site } from "../src/errors.ts";
import { asProblem, deviceProblem, LabError, PROBLEMS, screenProblem, siteProblem } from "../src/errors.ts";

const site: Site = { secure: true, origin: "http://localhost:8888", mediaDevices: true, blockedByPolicy: false, denied: false };
const both = { audio: true, video: true };
const cause = (name: string, message = "") => new DOMException(message, name);

test("each way a browser refuses a device has its own code and a next step", () => {
  const codes: [unknown, Partial<Site>, string][] = [
    [cause("NotAllowedError", "Permission denied"), {}, "permission-denied"],
    [cause("NotAllowedError", "Permission denied by system"), {}, "blocked-by-system"],
    [cause("NotAllowedError", "Permission denied"), { blockedByPolicy: true }, "blocked-by-policy"],
    [cause("NotFoundError"), {}, "no-device"],
    [cause("NotReadableError"), {}, "device-in-use"],
    [cause("AbortError"), {}, "device-in-use"],
    [Object.assign(cause("OverconstrainedError"), { constraint: "width" }), {}, "overconstrained"],
    [cause("TypeError", "odd"), {}, "device-error"],
  ];
  for (const [error, change, code] of codes) {
    const problem = deviceProblem(error, { ...site, ...change }, both);
    assert.equal(problem.code, code);
    assert.ok(problem.next_step, code);
  }
});

test("the sentence names the device that was asked for", () => {
  assert.match(deviceProblem(cause("NotFoundError"), site, { audio: true, video: false }).message, /^No microphone was found/);
  assert.match(deviceProblem(cause("NotAllowedError"), { ...site, denied: true }, both).message, /^Your camera and microphone are blocked/);
});

test("a plain http page on the network is told about https and localhost", () => {
  const problem = siteProblem({ ...site, secure: false, origin: "http://192.0.2.2:8888" }, both);
  assert.equal(problem?.code, "insecure-origin");
  assert.match(`${problem?.message} ${problem?.next_step}`, /192\.0\.2\.2.*localhost/);
  assert.equal(siteProblem(site, both), null);
  assert.equal(siteProblem({ ...site, mediaDevices: false }, both)?.code, "no-media-devices");
});

test("anything thrown becomes a sentence", () => {
  assert.equal(asProblem(new LabError("c", "m", "n")).next_step, "n");
  assert.match(asProblem(new TypeError("boom")).message, /boom/);
  assert.match(asProblem("text").message, /text/);
});

test("no extension, no kernel: the sentence ends with what to do", () => {
  assert.match(PROBLEMS.noExtension.next_step ?? "", /restart Jupyter/);
  assert.match(PROBLEMS.kernelGone.next_step ?? "", /Run the cell again/);
});

test("a screen that cannot be shared is no missing camera", () => {
  for (const name of ["NotFoundError", "NotReadableError"]) {
    const { message, next_step } = screenProblem(new DOMException("The object can not be found here.", name));
    assert.match(message, /no screen or window/);
    assert.match(next_step ?? "", /screen recording/);
  }
  assert.match(screenProblem(new DOMException("too late", "InvalidStateError")).message, /too late$/);
});
