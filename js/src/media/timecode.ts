// The time code of the test picture, as smallrtc_lab/media/timecode.py has it: 3 rows of 12 black or white blocks in the
// top 30 % of the picture, 28 bits of milliseconds and a CRC-8.

export const TIMECODE_HEIGHT = 0.3;
export const TIMECODE_WRAP_MS = 2 ** 28;

const ROWS = 3;
const COLUMNS = 12;
const CONTRAST = 60;
const CRC_POLYNOMIAL = 0x07;
const CRC_START = 0x5a;

function crc8(milliseconds: number): number {
  let crc = CRC_START;
  for (const shift of [24, 16, 8, 0]) {
    crc ^= (milliseconds >>> shift) & 0xff;
    for (let bit = 0; bit < 8; bit++) crc = ((crc << 1) ^ (crc & 0x80 ? CRC_POLYNOMIAL : 0)) & 0xff;
  }
  return crc;
}

/** The 36 blocks, row by row; true is white. */
export function timecodeBlocks(milliseconds: number): boolean[] {
  const code = ((milliseconds % TIMECODE_WRAP_MS) + TIMECODE_WRAP_MS) % TIMECODE_WRAP_MS;
  const bits = [...code.toString(2).padStart(28, "0"), ...crc8(code).toString(2).padStart(8, "0")];
  return bits.map((bit) => bit === "1");
}

export function drawTimecode(pen: CanvasRenderingContext2D, width: number, height: number, milliseconds: number): void {
  const [across, down] = [width / COLUMNS, Math.round(height * TIMECODE_HEIGHT) / ROWS];
  timecodeBlocks(milliseconds).forEach((white, i) => {
    const [left, top] = [Math.round((i % COLUMNS) * across), Math.round(Math.floor(i / COLUMNS) * down)];
    const [right, bottom] = [Math.round(((i % COLUMNS) + 1) * across), Math.round((Math.floor(i / COLUMNS) + 1) * down)];
    pen.fillStyle = white ? "#fff" : "#000";
    pen.fillRect(left, top, right - left, bottom - top);
  });
}

/** What a picture of RGBA pixels shows, as `ImageData` has them, or null when there is no legible code. */
export function readTimecode({ data, width, height }: Pick<ImageData, "data" | "width" | "height">): number | null {
  const levels: number[] = [];
  const down = Math.round(height * TIMECODE_HEIGHT) / ROWS;
  for (let i = 0; i < ROWS * COLUMNS; i++) levels.push(meanOf(data, width, (i % COLUMNS) * (width / COLUMNS), Math.floor(i / COLUMNS) * down, width / COLUMNS, down));
  const [black, white] = [Math.min(...levels), Math.max(...levels)];
  if (white - black < CONTRAST) return null;
  const relative = levels.map((level) => (level - black) / (white - black));
  if (relative.some((level) => Math.abs(level - Math.round(level)) > 0.4)) return null;
  const bits = relative.map((level) => level > 0.5);
  const milliseconds = bits.slice(0, 28).reduce((value, bit) => value * 2 + (bit ? 1 : 0), 0);
  return timecodeBlocks(milliseconds).every((bit, i) => bit === bits[i]) ? milliseconds : null;
}

/** The mean level of a block's inner half. */
function meanOf(data: Uint8ClampedArray, width: number, left: number, top: number, across: number, down: number): number {
  let [sum, count] = [0, 0];
  for (let y = Math.floor(top + down / 4); y < top + (3 * down) / 4; y++) {
    for (let x = Math.floor(left + across / 4); x < left + (3 * across) / 4; x++) {
      const at = 4 * (y * width + x);
      sum += ((data[at] ?? 0) + (data[at + 1] ?? 0) + (data[at + 2] ?? 0)) / 3;
      count += 1;
    }
  }
  return count ? sum / count : 0;
}
