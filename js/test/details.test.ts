import assert from "node:assert/strict";
import { test } from "node:test";
import type { Snapshot } from "../src/status.ts";
import { FIRST } from "../src/status.ts";
import { bits, detailRows } from "../src/view/details.ts";

const live: Snapshot = {
  ...FIRST,
  state: "live",
  stats: { fps: 29.9, width: 640, height: 480, rtt_ms: 12.4, bitrate_bps: 1_240_000, loss: 0.004, route: "turn" },
  engineStats: {
    type: "stats",
    video_fps: 30,
    audio_loss: 0,
    delay_ms: 9.14,
    dropped: 3,
    received_bps: 800_000,
    sent_bps: 52_000,
    network_ms: 8,
    hand_over_ms: 1.1,
    callback_ms: 33.3,
    returned_fps: 0,
    drops: { network: 1, busy: 12, late: 0 },
  },
};

test("the figures are told in plain words, and those that are not known are left out", () => {
  assert.deepEqual(Object.fromEntries(detailRows(live)), {
    Way: "through a TURN server",
    "Round trip": "12 ms",
    "This page sends": "640×480 · 30/s · 1.2 Mbit/s · 0.4 % lost",
    "Python receives": "30/s · 800 kbit/s · sound 0 % lost",
    "Camera to Python": "9.1 ms (network and decoding 8 ms · hand-over 1.1 ms · the function itself takes 33 ms)",
    "Python sends": "52 kbit/s",
    "Left out": "1 packets lost by the network; 12 pictures and sounds that came while a function was busy",
  });
  assert.deepEqual(detailRows(FIRST), []);
});

test("nothing left out is said, an engine that does not tell is not guessed at", () => {
  const engineStats = { type: "stats", video_fps: null, audio_loss: null, delay_ms: null, dropped: 0 } as const;
  assert.deepEqual(detailRows({ ...FIRST, engineStats }), []);
  assert.deepEqual(detailRows({ ...FIRST, engineStats: { ...engineStats, drops: { busy: 0 } } }), [["Left out", "nothing"]]);
});

test("bits have a unit of their size", () => {
  assert.deepEqual([0, 51_600, 999_000, 1_250_000].map(bits), ["0 kbit/s", "52 kbit/s", "999 kbit/s", "1.3 Mbit/s"]);
});
