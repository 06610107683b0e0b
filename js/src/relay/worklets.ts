// Sound in and out of the page by AudioWorklets from a Blob URL: the microphone as blocks of 20 ms, and a player that keeps a few
// blocks in hand. Each of them runs on the audio thread and speaks with the wire's worker by a port of its own: a busy page disturbs neither.

/** 20 ms at 48 kHz. */
export const BLOCK = 960;
export const RATE_HZ = 48_000;

/**
 * Both are given a port by their first message, and end with a second one. `relay-recorder` posts [left, right] of `BLOCK` samples each
 * at 48 kHz there, whatever the context's rate (linear between samples). `relay-player` takes such blocks: it begins with 60 ms in hand;
 * each time it runs dry it takes 20 ms more, up to 200 ms; it forgets the oldest beyond 300 ms, and what was never needed for four seconds.
 */
const CODE = `
const BLOCK = ${BLOCK}, RATE = ${RATE_HZ}, LEAST = 0.06 * RATE, STEP = 0.02 * RATE, MOST = 0.2 * RATE, FULL = 0.3 * RATE, LOOK = 4;
class Recorder extends AudioWorkletProcessor {
  constructor() {
    super(); this.step = sampleRate / RATE; this.at = 0; this.last = [0, 0]; this.line = null; this.live = true; this.begin();
    this.port.onmessage = ({ data }) => { if (data === null) this.live = false; else this.line = data; };
  }
  begin() { this.block = [new Float32Array(BLOCK), new Float32Array(BLOCK)]; this.n = 0; }
  put(l, r) {
    this.block[0][this.n] = l; this.block[1][this.n] = r;
    if (++this.n === BLOCK) { if (this.line) this.line.postMessage(this.block, this.block.map((x) => x.buffer)); this.begin(); }
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
    return this.live;
  }
}
class Player extends AudioWorkletProcessor {
  constructor() {
    super(); this.blocks = []; this.held = 0; this.at = 0; this.playing = false; this.step = RATE / sampleRate; this.live = true;
    this.hand = LEAST; this.low = Infinity; this.looked = currentTime; this.dry = 0;
    this.port.onmessage = ({ data }) => {
      if (data === null) this.live = false;
      else data.onmessage = (event) => this.take(event.data);
    };
  }
  take(block) {
    this.blocks.push(block); this.held += block[0].length;
    if (this.held > FULL) { while (this.held > this.hand + STEP) this.forget(); }
  }
  forget() { this.held -= this.blocks.shift()[0].length; this.at = 0; }
  ranDry() { this.playing = false; this.held = 0; this.at = 0; this.dry++; this.hand = Math.min(MOST, this.hand + STEP); }
  look() {
    this.low = Math.min(this.low, this.held);
    if (currentTime < this.looked + LOOK) return;
    if (this.dry === 0) this.hand = Math.max(LEAST, this.hand - STEP / 4);
    if (this.low < Infinity && this.low > this.hand) { for (let n = Math.floor((this.low - this.hand) / BLOCK); n > 0; n--) this.forget(); }
    this.looked = currentTime; this.low = Infinity; this.dry = 0;
  }
  process(inputs, [output]) {
    const left = output[0], right = output[1] || left;
    if (this.held >= this.hand) this.playing = true;
    if (this.playing) this.look();
    for (let i = 0; i < left.length && this.playing; i++) {
      while (this.blocks.length > 0 && this.at >= this.blocks[0][0].length) {
        this.at -= this.blocks[0][0].length; this.held -= this.blocks.shift()[0].length;
      }
      if (this.blocks.length === 0) { this.ranDry(); break; }
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

/** A node and the end of its line that a worker takes. */
export interface SoundNode {
  port: MessagePort;
  close(): void;
}

function given(node: AudioWorkletNode, undo: () => void): SoundNode {
  const { port1, port2 } = new MessageChannel();
  node.port.postMessage(port1, [port1]);
  const close = () => {
    node.port.postMessage(null);
    undo();
  };
  return { port: port2, close };
}

/** Posts the blocks of a microphone. */
export function recorder(context: AudioContext, track: MediaStreamTrack): SoundNode {
  const source = context.createMediaStreamSource(new MediaStream([track]));
  const node = new AudioWorkletNode(context, "relay-recorder", { numberOfOutputs: 0 });
  source.connect(node);
  return given(node, () => source.disconnect());
}

/** Plays blocks into a track, which is listened to as any other. */
export function player(context: AudioContext): SoundNode & { track: MediaStreamTrack | undefined } {
  const out = new MediaStreamAudioDestinationNode(context, { channelCount: 2 });
  const node = new AudioWorkletNode(context, "relay-player", { numberOfInputs: 0, outputChannelCount: [2] });
  node.connect(out);
  const [track] = out.stream.getAudioTracks();
  const undo = () => {
    node.disconnect();
    track?.stop();
  };
  return { ...given(node, undo), track };
}
