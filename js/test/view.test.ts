import assert from "node:assert/strict";
import { test } from "node:test";
import { valueText } from "../src/view/facts.ts";
import { fraction } from "../src/view/meter.ts";

test("values are short, and whole numbers stay whole", () => {
  assert.deepEqual([196.023456, 2, 1234567, 1e-7, "cat", [1, 2], null, true].map(valueText), ["196.02", "2", "1234567", "1e-7", "cat", "[1,2]", "null", "true"]);
  assert.equal(valueText("x".repeat(10)).length, 10);
  assert.equal(valueText(Array(200).fill(1)).length, 80);
});

test("the meter is linear in decibels and never leaves its frame", () => {
  assert.deepEqual([-120, -60, -30, 0, 6].map(fraction), [0, 0, 0.5, 1, 1]);
});
