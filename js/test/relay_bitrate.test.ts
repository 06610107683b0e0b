import assert from "node:assert/strict";
import { test } from "node:test";
import { shapeAnswer, soundBps } from "../src/negotiation.ts";
import { BitrateControl } from "../src/relay/bitrate.ts";

test("what is asked for is the most and raises the beginning, within what is allowed", () => {
  const begun = (wanted: number | null, limit?: number) => {
    const control = new BitrateControl(800_000);
    control.use(wanted, limit);
    return control.targetBps;
  };
  assert.equal(begun(null), 800_000);
  assert.equal(begun(400_000), 400_000);
  assert.equal(begun(5_000_000), 2_500_000);
  assert.equal(begun(5_000_000, 2_000_000), 1_000_000);
  assert.equal(begun(null, 100_000), 100_000);
});

test("a path that said no is not asked for more at once, and the least is never more than is allowed", () => {
  const control = new BitrateControl(800_000);
  const queued = (fromMs: number, toMs: number) => {
    for (let nowMs = fromMs; nowMs < toMs; nowMs += 50) control.acknowledged({ rttMs: 500, queuedMs: 400, freedBytes: 100 }, nowMs);
  };
  queued(0, 10_000);
  assert.equal(control.targetBps, 80_000);
  control.use(5_000_000);
  assert.equal(control.targetBps, 80_000);
  control.use(null, 30_000);
  queued(10_000, 12_000);
  assert.equal(control.targetBps, 30_000);
});

test("sound takes less where its way is narrow", () => {
  assert.equal(soundBps(true, {}), 128_000);
  assert.equal(soundBps(false, {}), 64_000);
  assert.equal(soundBps(true, { max_sound_bps: 62_500 }), 62_500);
  const sdp = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 opus/48000/2\r\n";
  const shaped = (raw: boolean, maxSoundBps?: number) => /maxaveragebitrate=(\d+)/.exec(shapeAnswer(sdp, { raw, stereo: false, maxBitrateBps: undefined, maxSoundBps }))?.[1];
  assert.equal(shaped(true), "128000");
  assert.equal(shaped(false), undefined);
  assert.equal(shaped(false, 62_500), "62500");
});
