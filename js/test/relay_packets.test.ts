import assert from "node:assert/strict";
import { test } from "node:test";
import type { Packet } from "../src/relay/packets.ts";
import { pack, parse } from "../src/relay/packets.ts";
import { interleaved } from "../src/relay/sound_out.ts";
import { separated } from "../src/relay/sound_in.ts";
import { readJson } from "./reading.ts";

interface Golden {
  good: { what: string; hex: string; packet: Record<string, unknown> }[];
  bad: { what: string; hex: string }[];
}
const golden = readJson("..", "tests", "contract", "relay.json") as Golden;

const bytes = (hex: string): ArrayBuffer => new Uint8Array(hex.match(/../g)?.map((pair) => parseInt(pair, 16)) ?? []).buffer;
const hexOf = (content: Uint8Array): string => [...content].map((byte) => byte.toString(16).padStart(2, "0")).join("");

function described(packet: Packet): Record<string, unknown> {
  return packet.kind === "media" ? { ...packet, content: hexOf(packet.content) } : { ...packet };
}

test("good packets are read and written back, byte by byte", () => {
  for (const { what, hex, packet } of golden.good) {
    const read = parse(bytes(hex));
    assert.ok(read, what);
    assert.deepEqual(described(read), packet, what);
    assert.equal(hexOf(new Uint8Array(pack(read))), hex, what);
  }
});

test("bytes that are no packet are null, never an exception", () => {
  for (const { what, hex } of golden.bad) assert.equal(parse(bytes(hex)), null, what);
});

test("samples become what a PCM packet holds, and come out again", () => {
  const [left, right] = [Float32Array.from([0, 0.5, -1, 2]), Float32Array.from([0.25, -0.5, 1, -2])];
  const [l, r] = separated(interleaved([left, right]));
  assert.ok(l.every((value, i) => Math.abs(value - Math.max(-1, Math.min(1, left[i] ?? 0))) < 1e-3));
  assert.ok(r.every((value, i) => Math.abs(value - Math.max(-1, Math.min(1, right[i] ?? 0))) < 1e-3));
});
