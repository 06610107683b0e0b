// Sound inside the page: one AudioContext a session, the level of the microphone, and listening to what Python returns.

const FLOOR_DB = -100;

/**
 * Limits the returned sound to half of full scale, -6 dBFS, so that nobody's ears pay for a wrong factor in a callback.
 * A compressor holds what lasts just below that, without distortion; it needs a moment, and what comes through meanwhile is cut
 * at `CEILING`, sample by sample. The specification's compressor adds make-up gain of (1 / full-range gain)^0.6 (Web Audio API,
 * 1.19.3): with -7 dB and a ratio of 20 the gain at full scale is -6.65 dB and the make-up 3.99 dB, which `MAKE_UP` takes
 * back so that quiet sound stays as loud as it was sent.
 */
const LIMIT = { threshold: -7, knee: 0, ratio: 20, attack: 0.001, release: 0.1 };
const CEILING = 0.5;
/** What -1, -0.5, 0, 0.5 and 1 become, with straight lines between; what is beyond stays at the ends (Web Audio API, 1.31). */
const CUT = new Float32Array([-CEILING, -CEILING, 0, CEILING, CEILING]);
const MAKE_UP = 10 ** ((-LIMIT.threshold * (1 - 1 / LIMIT.ratio) * 0.6) / 20);

export interface Meter {
  /** RMS of the last 43 ms (2048 samples at 48 kHz) in dB of full scale. */
  levelDb(): number;
  stop(): void;
}

export class Sound {
  readonly context = new AudioContext({ latencyHint: "interactive" });

  /** True when sound really runs: a page without a gesture or a granted microphone is kept silent by the browser. */
  async resume(): Promise<boolean> {
    if (this.context.state === "suspended") {
      // resume() stays pending until a gesture comes: do not wait for longer than a moment
      await Promise.race([this.context.resume(), new Promise((done) => setTimeout(done, 300))]);
    }
    return this.context.state === "running";
  }

  meter(track: MediaStreamTrack): Meter {
    const source = this.context.createMediaStreamSource(new MediaStream([track]));
    const analyser = new AnalyserNode(this.context, { fftSize: 2048 });
    const samples = new Float32Array(analyser.fftSize);
    source.connect(analyser);
    return {
      levelDb: () => {
        analyser.getFloatTimeDomainData(samples);
        const power = samples.reduce((total, x) => total + x * x, 0) / samples.length;
        return Math.max(FLOOR_DB, 10 * Math.log10(power || 1e-12));
      },
      stop: () => source.disconnect(),
    };
  }

  async close(): Promise<void> {
    if (this.context.state !== "closed") await this.context.close();
  }
}

/** Plays one remote track through the limiter. The element is never inserted: one that is taken out of a page pauses. */
export class Playback {
  private readonly pull = new Audio();
  private readonly element = new Audio();
  private readonly out: MediaStreamAudioDestinationNode;
  private readonly source: MediaStreamAudioSourceNode;
  private readonly gain: GainNode;

  constructor(sound: Sound, track: MediaStreamTrack) {
    const stream = new MediaStream([track]);
    // Chromium lets no sound into Web Audio from a remote track that no element plays (its issue 933677)
    this.pull.muted = true;
    this.pull.srcObject = stream;
    this.source = sound.context.createMediaStreamSource(stream);
    this.gain = new GainNode(sound.context, { gain: 1 / MAKE_UP });
    this.out = new MediaStreamAudioDestinationNode(sound.context);
    const cut = new WaveShaperNode(sound.context, { curve: CUT });
    this.source.connect(this.gain).connect(new DynamicsCompressorNode(sound.context, LIMIT)).connect(cut).connect(this.out);
    this.element.srcObject = this.out.stream;
  }

  get heard(): MediaStream {
    return this.out.stream;
  }

  async play(speaker: string | null): Promise<void> {
    void this.pull.play().catch(() => undefined); // muted, so never refused; its fate shows in the audible one
    if (speaker) await this.useSpeaker(speaker);
    await this.element.play();
  }

  async useSpeaker(speaker: string | null): Promise<void> {
    if ("setSinkId" in this.element) await this.element.setSinkId(speaker ?? "");
  }

  stop(): void {
    for (const element of [this.pull, this.element]) {
      element.pause();
      element.srcObject = null;
    }
    this.source.disconnect();
    this.gain.disconnect();
  }
}

export function canChooseSpeaker(): boolean {
  return "setSinkId" in HTMLMediaElement.prototype;
}
