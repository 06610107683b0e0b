import assert from "node:assert/strict";
import { test } from "node:test";
import { drawTimecode, readTimecode, TIMECODE_WRAP_MS, timecodeBlocks } from "../src/media/timecode.ts";
import { readJson } from "./reading.ts";

interface Golden {
  milliseconds: number;
  blocks: string;
}

/** A canvas of gray levels that can only fill rectangles. */
class Pen {
  fillStyle = "#000";
  readonly data: Uint8ClampedArray<ArrayBuffer>;
  constructor(
    readonly width: number,
    readonly height: number,
  ) {
    this.data = new Uint8ClampedArray(4 * width * height).fill(90);
  }

  fillRect(left: number, top: number, width: number, height: number): void {
    const level = this.fillStyle === "#fff" ? 235 : 16;
    for (let y = top; y < top + height; y++) this.data.fill(level, 4 * (y * this.width + left), 4 * (y * this.width + left + width));
  }
}

test("the blocks are those that Python draws and reads", () => {
  for (const { milliseconds, blocks } of readJson("..", "tests", "contract", "timecode.json") as Golden[]) {
    assert.equal(timecodeBlocks(milliseconds).map(Number).join(""), blocks);
  }
  assert.deepEqual(timecodeBlocks(TIMECODE_WRAP_MS + 5), timecodeBlocks(5));
});

test("a drawn code is read at any size, and a picture without one shows none", () => {
  for (const [width, height] of [[640, 480], [120, 80], [333, 217]] as const) {
    const pen = new Pen(width, height);
    assert.equal(readTimecode(pen), null);
    drawTimecode(pen as unknown as CanvasRenderingContext2D, width, height, 123_456_789);
    assert.equal(readTimecode(pen), 123_456_789);
    for (let y = 0; y < height * 0.1; y++) pen.data.fill(16, 4 * y * width, 4 * (y + 1) * width);
    assert.equal(readTimecode(pen), null);
  }
});
