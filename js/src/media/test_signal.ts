// A labelled test picture and tone, in the place of a camera and a microphone: by the person's choice, or for a visitor
// without a camera or who refuses (fallback="test-signal").
import { signalTimeMs } from "./echo.ts";
import { every } from "./ticker.ts";
import { drawTimecode, TIMECODE_HEIGHT } from "./timecode.ts";

/** In the place of a device's id: the person picked the test signal. */
export const TEST_SIGNAL = "test-signal";

export interface Source {
  track: MediaStreamTrack;
  stop(): void;
}

const BARS = ["#c0c0c0", "#c0c000", "#00c0c0", "#00c000", "#c000c0", "#c00000", "#0000c0"];
const TONE_HZ = 440;
const TONE_GAIN = 0.1;

/** Time code, label and clock above colour bars; the white line and the dot go around once in four seconds. */
function draw(pen: CanvasRenderingContext2D, width: number, height: number, timeMs: number): void {
  drawTimecode(pen, width, height, timeMs);
  const top = Math.round(height * TIMECODE_HEIGHT);
  const strip = height * 0.16;
  const bars = top + strip;
  const bar = width / BARS.length;
  BARS.forEach((color, i) => {
    pen.fillStyle = color;
    pen.fillRect(Math.floor(i * bar), bars, Math.ceil(bar), height - bars);
  });
  pen.fillStyle = "#fff";
  pen.fillRect(((timeMs / 4000) % 1) * width, bars, Math.max(4, width / 80), height - bars);
  pen.fillStyle = "#101010";
  pen.fillRect(0, top, width, strip);
  pen.fillStyle = "#fff";
  pen.textBaseline = "middle";
  pen.font = `600 ${strip * 0.5}px system-ui, sans-serif`;
  pen.fillText("TEST SIGNAL", strip * 0.4, top + strip / 2);
  pen.font = `${strip * 0.45}px ui-monospace, monospace`;
  pen.textAlign = "right";
  pen.fillText(`${((timeMs / 1000) % 1000).toFixed(1)} s`, width - strip * 0.4, top + strip / 2);
  pen.textAlign = "left";
}

/** Moving bars, drawn by a worker's clock so that a hidden tab keeps sending. */
export function testPicture(width = 640, height = 480, frameRate = 30): Source {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const pen = canvas.getContext("2d");
  if (!pen) throw new Error("this browser cannot draw a test picture");
  const paint = () => draw(pen, width, height, signalTimeMs());
  paint();
  const track = canvas.captureStream(frameRate).getVideoTracks()[0];
  if (!track) throw new Error("this browser cannot send a drawn picture");
  const stopClock = every(1000 / frameRate, paint);
  return {
    track,
    stop: () => {
      stopClock();
      track.stop();
    },
  };
}

export function testTone(context: AudioContext): Source {
  const tone = new OscillatorNode(context, { frequency: TONE_HZ });
  const gain = new GainNode(context, { gain: TONE_GAIN });
  const out = new MediaStreamAudioDestinationNode(context, { channelCount: 1 });
  tone.connect(gain).connect(out);
  tone.start();
  const track = out.stream.getAudioTracks()[0];
  if (!track) throw new Error("this browser cannot send a generated tone");
  return {
    track,
    stop: () => {
      tone.stop();
      track.stop();
    },
  };
}
