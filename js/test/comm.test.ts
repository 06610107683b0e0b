import assert from "node:assert/strict";
import { test } from "node:test";
import type { Home } from "../src/errors.ts";
import type { CommModel } from "../src/model.ts";
import type { PlotMessage } from "../src/plot/messages.ts";
import { readByComm } from "../src/plot/messages.ts";
import { CommLine, CommPipe } from "../src/signaling/comm.ts";

/** A widget's model: keeps what is said, and says what the test wants. */
class Wire implements CommModel {
  readonly sent: unknown[] = [];
  private heard: ((content?: unknown, buffers?: unknown) => void) | null = null;
  on(name: string, callback: (content?: unknown, buffers?: unknown) => void): void {
    if (name === "msg:custom") this.heard = callback;
  }
  off(): void {
    this.heard = null;
  }
  send(content: unknown): void {
    this.sent.push(content);
  }
  say(said: Record<string, unknown>, buffers: unknown[] = []): void {
    this.heard?.({ smallrtc: said }, buffers);
  }
}

const quiet = { opened: () => undefined, closed: () => undefined };

test("a picture of a plot is the buffer behind its header; another page's, or one without a buffer, is none", () => {
  const wire = new Wire();
  const got: PlotMessage[] = [];
  const pipe = new CommPipe<PlotMessage>(wire, "me", { ...quiet, message: (one) => got.push(one) }, readByComm);
  const picture = { type: "picture", n: 1, width: 2, height: 2, css_width: 2, css_height: 2 };
  const file = new Uint8Array([9, 255, 216, 9]);
  pipe.open();
  wire.say({ page: "me", kind: "message", message: picture }, [new DataView(file.buffer, 1, 2)]);
  wire.say({ page: "other", kind: "message", message: picture }, [new DataView(file.buffer)]);
  assert.equal(readByComm(picture, []), null);
  assert.deepEqual(got.map((one) => one.type === "picture" && [...one.jpeg]), [[255, 216]]);
  pipe.dispose();
  assert.deepEqual(wire.sent, [{ smallrtc: { page: "me", kind: "left" } }]);
});

test("an offer's answer comes back by its number, a refusal with its reason, and leaving ends what waits", async () => {
  const wire = new Wire();
  const homes: Home[] = [];
  const line = new CommLine(wire, "me", { ...quiet, message: () => undefined }, (home) => homes.push(home));
  line.open();
  wire.say({ page: "me", kind: "home", home: { kind: "colab", notice: "words" } });
  assert.equal(homes[0]?.notice, "words");
  const { signal } = new AbortController();
  const body = { sdp: "s", type: "offer" } as unknown as Parameters<CommLine["offer"]>[0];
  const [first, second, third] = [1, 2, 3].map(() => line.offer(body, signal));
  wire.say({ page: "me", kind: "answer", id: 2, status: 400, body: { reason: "live-elsewhere", message: "no" } });
  wire.say({ page: "me", kind: "answer", id: 1, status: 200, body: { sdp: "a", type: "answer", pc_id: "7" } });
  assert.equal((await first)?.pc_id, "7");
  await assert.rejects(second as Promise<unknown>, { message: "no" });
  line.dispose();
  await assert.rejects(third as Promise<unknown>, { name: "AbortError" });
});

test("a comm that raises has ended, and that is told once and later", async () => {
  const wire = new Wire();
  const ends: unknown[] = [];
  const pipe = new CommPipe(wire, "me", { ...quiet, message: () => undefined, closed: (problem, final) => ends.push(problem?.code, final) }, () => null);
  pipe.open();
  wire.send = () => {
    throw new Error("Cannot send");
  };
  assert.equal(pipe.send({ type: "ack" }), false);
  assert.equal(pipe.send({ type: "ack" }), false);
  assert.deepEqual(ends, []);
  await Promise.resolve();
  assert.deepEqual(ends, ["kernel-gone", true]);
  pipe.dispose();
});
