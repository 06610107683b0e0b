import assert from "node:assert/strict";
import { test } from "node:test";
import { BitrateControl } from "../src/relay/bitrate.ts";
import { toI420 } from "../src/relay/colours.ts";
import { Conversation } from "../src/peer/conversation.ts";
import { RelayChannel } from "../src/relay/delivery.ts";
import { momentsBetween } from "../src/session/history.ts";
import type { Snapshot } from "../src/status.ts";
import { FIRST, statusLine } from "../src/status.ts";
import type { Packet } from "../src/relay/packets.ts";
import { SendWindow } from "../src/relay/window.ts";

test("nothing acknowledged: three pictures at once, more within a quarter of a second only", () => {
  const window = new SendWindow();
  for (let n = 0; n < 20; n++) if (window.hasRoom((n * 1000) / 30)) window.sent((n * 1000) / 30, 1000);
  assert.equal(window.inFlight, 8);
  assert.equal(window.refused, 12);
  window.acknowledge(8, 60_100);
  assert.ok(window.hasRoom(60_200));
});

test("a report tells the round trip, the queue in it, and each thing once", () => {
  const window = new SendWindow();
  const [first, second] = [window.sent(0, 500), window.sent(100, 700)];
  assert.deepEqual(window.acknowledge(first, 50), { rttMs: 50, queuedMs: 0, freedBytes: 500 });
  assert.equal(window.acknowledge(first, 60), null);
  assert.deepEqual(window.acknowledge(second, 300), { rttMs: 200, queuedMs: 150, freedBytes: 700 });
});

/** A path in virtual time: so many bits a second after 50 ms, and 50 ms back. */
function relayed(rateBps: number, seconds: number): { delays: number[]; control: BitrateControl } {
  const [window, control, delays] = [new SendWindow(), new BitrateControl(800_000, 2_500_000), [] as number[]];
  const reports: { atMs: number; sequence: number }[] = [];
  let freeMs = 0;
  for (let nowMs = 0; nowMs < seconds * 1000; nowMs += 1000 / 15) {
    while (reports[0] && reports[0].atMs <= nowMs) {
      const { atMs, sequence } = reports.shift() as { atMs: number; sequence: number };
      const told = window.acknowledge(sequence, atMs);
      if (told) control.acknowledged(told, atMs);
    }
    if (!window.hasRoom(nowMs)) continue;
    const size = control.targetBps / 15 / 8;
    freeMs = Math.max(freeMs, nowMs) + (8000 * size) / rateBps;
    delays.push(freeMs + 50 - nowMs);
    reports.push({ atMs: freeMs + 100, sequence: window.sent(nowMs, size) });
  }
  return { delays, control };
}

test("a slow path is used and its delay stays bounded", () => {
  const { delays, control } = relayed(900_000, 120);
  const late = delays.slice(-600).sort((a, b) => a - b);
  assert.ok((late[570] ?? Infinity) < 350, `p95 ${late[570]} ms`);
  assert.ok(delays.length > 0.8 * 120 * 15);
  assert.ok(control.targetBps > 450_000 && control.targetBps < 1_150_000, `${control.targetBps}`);
});

test("a message is delivered once, acknowledged, and kept until the other side has it", () => {
  const sent: Packet[] = [];
  const heard: unknown[] = [];
  const channel = new RelayChannel((packet) => sent.push(packet));
  channel.onmessage = ({ data }) => heard.push(data);
  channel.opened();
  channel.send("a");
  channel.send("ping: 1");
  channel.send("b");
  assert.deepEqual(
    sent.map((packet) => packet.kind),
    ["message", "message"],
  );
  assert.equal(channel.bufferedAmount, 2);
  channel.acknowledged(1);
  assert.equal(channel.bufferedAmount, 1);
  for (const sequence of [1, 1, 3, 2]) channel.arrived({ kind: "message", sequence, text: `m${sequence}` });
  assert.deepEqual(heard, ["m1", "m2"]);
  const reports = sent.filter((packet) => packet.kind === "report");
  assert.deepEqual(
    reports.map((report) => report.sequence),
    [1, 1, 1, 2],
  );
});

test("the widget says in words that media goes through Jupyter", () => {
  const stats = { fps: 15, width: 640, height: 360, rtt_ms: 12, bitrate_bps: 500_000, loss: null, route: "relay" } as const;
  const now: Snapshot = { ...FIRST, link: "open", state: "live", camera: "on", stats };
  assert.match(statusLine(now).text, /^Live · through Jupyter, 12\u00a0ms · 640/);
  const told = momentsBetween(now, { ...now, stats: null }).map(({ text }) => text);
  assert.deepEqual(told, ["Media goes through Jupyter: the network lets no WebRTC through"]);
});

test("what was not acknowledged goes over the next socket of the same conversation, once", () => {
  const talk = new Conversation();
  const [first, second] = [[] as Packet[], [] as Packet[]];
  const lost = new RelayChannel((packet) => first.push(packet), talk);
  for (const text of ["a", "b", "c"]) lost.send(text);
  lost.arrived({ kind: "message", sequence: 1, text: "from Python" });
  lost.close();
  const heard: unknown[] = [];
  const channel = new RelayChannel((packet) => second.push(packet), talk);
  channel.onmessage = ({ data }) => heard.push(data);
  channel.acknowledged(1);
  channel.resume();
  channel.send("d");
  assert.deepEqual(
    second.map((packet) => packet.kind === "message" && [packet.sequence, packet.text]),
    [
      [2, "b"],
      [3, "c"],
      [4, "d"],
    ],
  );
  for (const sequence of [1, 2]) channel.arrived({ kind: "message", sequence, text: `m${sequence}` });
  assert.deepEqual(heard, ["m2"]);
});

test("drawn pictures get the colours of video: BT.601, limited range, also with odd sizes", () => {
  const [width, height] = [3, 3];
  const rgba = new Uint8ClampedArray(4 * width * height);
  for (let i = 0; i < width * height; i++) rgba.set([200, 40, 40, 255], 4 * i);
  const planes = toI420(rgba, width, height);
  assert.equal(planes.length, 9 + 4 + 4);
  assert.deepEqual([planes[0], planes[8], planes[9], planes[12], planes[13], planes[16]], [92, 92, 104, 104, 198, 198]);
  const white = toI420(new Uint8ClampedArray(16).fill(255), 2, 2);
  assert.deepEqual([...white], [235, 235, 235, 235, 128, 128]);
});
