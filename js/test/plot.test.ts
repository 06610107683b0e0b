import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePlotMessage } from "../src/plot/messages.ts";
import { Asking, step } from "../src/plot/pointer.ts";
import { fit } from "../src/plot/size.ts";
import { readJson } from "./reading.ts";

interface Golden {
  engine: unknown[];
  picture: unknown;
  bad: unknown[];
}

const golden = readJson("..", "tests", "contract", "plot_socket.json") as Golden;

function packed(header: unknown, picture: number[], length?: number): ArrayBuffer {
  const head = new TextEncoder().encode(JSON.stringify(header));
  const bytes = new Uint8Array(4 + head.length + picture.length);
  new DataView(bytes.buffer).setUint32(0, length ?? head.length);
  bytes.set(head, 4);
  bytes.set(picture, 4 + head.length);
  return bytes.buffer;
}

const HEADER = { type: "picture", n: 3, width: 640, height: 320, css_width: 320, css_height: 160 };

test("a picture is a header and the bytes behind it", () => {
  const message = parsePlotMessage(packed(HEADER, [255, 216, 7]));
  assert.equal(message?.type, "picture");
  if (message?.type === "picture") assert.deepEqual([message.n, [...message.jpeg]], [3, [255, 216, 7]]);
});

test("every golden message is judged as the contract says", () => {
  const read = (message: unknown) => parsePlotMessage(JSON.stringify(message));
  assert.deepEqual(golden.engine.map(read), golden.engine);
  assert.deepEqual(golden.bad.map(read), golden.bad.map(() => null));
  assert.equal(parsePlotMessage(packed(golden.picture, [1]))?.type, "picture");
});

test("what is no message of a plot's is none, and throws nothing", () => {
  const wrong = [
    packed(HEADER, [], 10_000),
    packed({ ...HEADER, n: "3" }, []),
    packed({ type: "state", state: "live", text: "" }, [1]).slice(0, 3),
    new ArrayBuffer(0),
    "{",
    JSON.stringify(HEADER),
    JSON.stringify({ type: "state", state: "somewhere", text: "" }),
    JSON.stringify({ type: "toString" }),
    null,
  ];
  assert.deepEqual(wrong.map(parsePlotMessage), wrong.map(() => null));
});

test("texts of the engine's are read", () => {
  const state = { type: "state", state: "waiting", text: "Waiting for the lab: click Start." };
  assert.deepEqual(parsePlotMessage(JSON.stringify(state)), state);
  const reading = { type: "reading", text: "", at: [1, 2], value: null };
  assert.deepEqual(parsePlotMessage(JSON.stringify(reading)), reading);
});

test("a plot is as wide as asked for or as its box, and keeps most of its height; a picture keeps its shape", () => {
  assert.deepEqual(fit({ kind: "spectrum", width: 640, height: 320 }, 1000, 2), { width: 640, height: 320, ratio: 2 });
  assert.deepEqual(fit({ kind: "spectrum", width: 640, height: 320 }, 320.7, 1), { width: 320, height: 240, ratio: 1 });
  assert.deepEqual(fit({ kind: "video", width: 640, height: 480 }, 320, 1), { width: 320, height: 240, ratio: 1 });
  assert.equal(fit({ kind: "video", width: 640, height: 480 }, 3, 1).width, 40);
});

test("arrow keys begin in the middle and stay in the picture", () => {
  assert.deepEqual(step("ArrowLeft", false, null, [100, 50]), [50, 25]);
  assert.deepEqual(step("ArrowLeft", false, [50, 25], [100, 50]), [49, 25]);
  assert.deepEqual(step("ArrowDown", true, [50, 45], [100, 50]), [50, 49]);
  assert.equal(step("Enter", false, [50, 25], [100, 50]), null);
});

test("one question about a place is under way, and the newest place is asked for next", () => {
  const asked: ([number, number] | null)[] = [];
  const asking = new Asking((at) => asked.push(at));
  for (let x = 0; x < 5; x++) asking.move([x, 0]);
  assert.deepEqual(asked, [[0, 0]]);
  asking.answered([0, 0]);
  asking.answered([4, 0]);
  asking.move(null);
  asking.answered([4, 0]);
  assert.deepEqual(asked, [[0, 0], [4, 0], null]);
  asking.move([7, 7]);
  asking.reset();
  asking.move([8, 8]);
  assert.deepEqual(asked.slice(3), [[7, 7], [8, 8]]);
});
