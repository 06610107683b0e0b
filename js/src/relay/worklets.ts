// Sound in and out of the page by AudioWorklets from a Blob URL: the microphone as blocks of 20 ms, and a player that keeps a few
// blocks in hand. Each of them runs on the audio thread, where a busy page does not disturb it.

/** 20 ms at 48 kHz. */
export const BLOCK = 960;
export const RATE_HZ = 48_000;

/**
 * `relay-recorder` posts [left, right] of `BLOCK` samples each at 48 kHz, whatever the context's rate (linear between samples).
 * `relay-player` takes such blocks; it begins with 60 ms in hand and again after it ran dry, and forgets the oldest beyond 300 ms.
 */
const CODE = `
const BLOCK = ${BLOCK}, RATE = ${RATE_HZ};
class Recorder extends AudioWorkletProcessor {
  constructor() { super(); this.step = sampleRate / RATE; this.at = 0; this.last = [0, 0]; this.begin(); }
  begin() { this.block = [new Float32Array(BLOCK), new Float32Array(BLOCK)]; this.n = 0; }
  put(l, r) {
    this.block[0][this.n] = l; this.block[1][this.n] = r;
    if (++this.n === BLOCK) { this.port.postMessage(this.block, this.block.map((x) => x.buffer)); this.begin(); }
  }
  process([input]) {
    const left = input[0], right = input[1] || left;
    const count = left ? left.length : 128;
    for (let i = 0; i < count; i++) {
      const l = left ? left[i] : 0, r = right ? right[i] : 0;
      while (this.at <= 1) {
        const a = this.at;
        this.put(this.last[0] + (l - this.last[0]) * a, this.last[1] + (r - this.last[1]) * a);
        this.at += this.step;
      }
      this.at -= 1; this.last = [l, r];
    }
    return true;
  }
}
class Player extends AudioWorkletProcessor {
  constructor() {
    super(); this.blocks = []; this.held = 0; this.at = 0; this.playing = false; this.step = RATE / sampleRate; this.live = true;
    this.port.onmessage = ({ data }) => {
      if (data === null) { this.live = false; return; }
      this.blocks.push(data); this.held += data[0].length;
      while (this.held > 0.3 * RATE) { this.held -= this.blocks.shift()[0].length; this.at = 0; }
    };
  }
  process(inputs, [output]) {
    const left = output[0], right = output[1] || left;
    if (this.held >= 0.06 * RATE) this.playing = true;
    for (let i = 0; i < left.length && this.playing; i++) {
      while (this.blocks.length > 0 && this.at >= this.blocks[0][0].length) {
        this.at -= this.blocks[0][0].length; this.held -= this.blocks.shift()[0].length;
      }
      if (this.blocks.length === 0) { this.playing = false; this.held = 0; this.at = 0; break; }
      left[i] = this.blocks[0][0][this.at | 0]; right[i] = this.blocks[0][1][this.at | 0];
      this.at += this.step;
    }
    return this.live;
  }
}
registerProcessor("relay-recorder", Recorder);
registerProcessor("relay-player", Player);
`;

/** Raises when the page's policy forbids `blob:` scripts. */
export async function loadWorklets(context: AudioContext): Promise<void> {
  const url = URL.createObjectURL(new Blob([CODE], { type: "text/javascript" }));
  try {
    await context.audioWorklet.addModule(url);
  } finally {
    URL.revokeObjectURL(url);
  }
}
