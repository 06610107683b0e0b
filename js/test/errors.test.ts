import assert from "node:assert/strict";
import { test } from "node:test";
import type { Site } from "../src/errors.ts";
import { asProblem, atHome, deviceProblem, LabError, PROBLEMS, readHome, screenProblem, siteProblem } from "../src/errors.ts";

const site: Site = { secure: true, origin: "http://localhost:8888", mediaDevices: true, blockedByPolicy: false, denied: false, vscode: false };
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

test("VS Code blocks devices by itself: the page knows it by its address, and Python where to go", () => {
  const blocked = siteProblem({ ...site, vscode: true }, both);
  assert.equal(`${blocked?.message} ${blocked?.next_step}`, "VS Code blocks the camera and microphone. Open this page in a browser.");
  const home = readHome({ kind: "vscode", notice: "n", page: "Open this page in a browser:", url: "http://localhost:8888/lab/tree/a.ipynb" });
  const refused = deviceProblem(cause("NotAllowedError", "Permission denied"), { ...site, blockedByPolicy: true }, { audio: false, video: true });
  const told = atHome(refused, home);
  assert.deepEqual([told.message, told.url], ["VS Code blocks the camera.", "http://localhost:8888/lab/tree/a.ipynb"]);
  assert.deepEqual(atHome(refused, null), refused);
  assert.deepEqual(atHome(PROBLEMS.lost, home), PROBLEMS.lost);
});

test("where no path is found the place has a next step of its own", () => {
  const home = readHome({ kind: "colab", notice: "n", no_path: "Name a TURN server." });
  assert.equal(atHome(PROBLEMS.timeout, home).next_step, "Name a TURN server.");
});

test("what Python tells of the place is checked: a link leads to a web page or nowhere", () => {
  assert.equal(readHome({ kind: "vscode", notice: "n", url: "javascript:alert(1)" })?.url, null);
  for (const odd of [null, 7, {}, { kind: 1, notice: "n" }]) assert.equal(readHome(odd), null);
});
