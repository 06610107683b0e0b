// A page of somebody else's origin: the npm client of Pipecat, unmodified, with known media in place of devices.
// What a test asks is in `page`; what happened is in `page.seen`.
import { PipecatClient } from "@pipecat-ai/client-js";
import { SmallWebRTCTransport, WavMediaManager } from "@pipecat-ai/small-webrtc-transport";

const TONE_HZ = 660;
const CAMERA = "rgb(200, 60, 30)";
const SCREEN = "rgb(20, 120, 220)";

function picture(colour) {
  const canvas = Object.assign(document.createElement("canvas"), { width: 160, height: 120 });
  document.body.append(canvas);
  const drawing = canvas.getContext("2d");
  const draw = () => {
    drawing.fillStyle = colour;
    drawing.fillRect(0, 0, 160, 120);
  };
  draw();
  setInterval(draw, 66);
  return canvas.captureStream(15).getVideoTracks()[0];
}

function tone(context) {
  const oscillator = new OscillatorNode(context, { frequency: TONE_HZ });
  const quiet = new GainNode(context, { gain: 0.5 });
  const out = new MediaStreamAudioDestinationNode(context);
  oscillator.connect(quiet).connect(out);
  oscillator.start();
  return out.stream.getAudioTracks()[0];
}

// The package exports its abstract class only as the parent of this one.
const MediaManager = Object.getPrototypeOf(WavMediaManager);

/** Hands over a canvas, an oscillator and another canvas; each connection gets clones, for the client stops what it had. */
class KnownMedia extends MediaManager {
  given = { audio: [], video: [], screenVideo: [] };
  sharing = false;

  constructor() {
    super();
    this._supportsScreenShare = true;
  }

  async initialize() {
    if (this.sources) return; // the client asks before `start` and before `connect`
    this.context = new AudioContext();
    await this.context.resume();
    this.sources = { audio: tone(this.context), video: picture(CAMERA), screenVideo: picture(SCREEN) };
  }

  async connect() {}
  async disconnect() {}
  async userStartedSpeaking() {}
  bufferBotAudio() {}
  getAllMics = async () => [];
  getAllCams = async () => [];
  getAllSpeakers = async () => [];
  updateMic() {}
  updateCam() {}
  updateSpeaker() {}
  selectedMic = {};
  selectedCam = {};
  selectedSpeaker = {};

  tracks() {
    if (!this.sources) return { local: {} };
    return { local: Object.fromEntries(Object.keys(this.given).map((name) => [name, this.track(name)])) };
  }

  track(name) {
    const track = this.sources[name].clone();
    this.given[name].push(track);
    this.show();
    return track;
  }

  show() {
    const on = { audio: this._micEnabled, video: this._camEnabled, screenVideo: this.sharing };
    for (const [name, tracks] of Object.entries(this.given)) tracks.forEach((track) => (track.enabled = on[name]));
  }

  enableMic(on) {
    this._micEnabled = on;
    this.show();
  }
  enableCam(on) {
    this._camEnabled = on;
    this.show();
  }
  enableScreenShare(on) {
    this.sharing = on;
    this.show();
  }
  get isMicEnabled() {
    return this._micEnabled;
  }
  get isCamEnabled() {
    return this._camEnabled;
  }
  get isSharingScreen() {
    return this.sharing;
  }
}

/** What the bot's tracks show and play. */
class Remote {
  video = Object.assign(document.createElement("video"), { autoplay: true, muted: true });
  audio = Object.assign(document.createElement("audio"), { autoplay: true, muted: true });

  constructor() {
    document.body.append(this.video, this.audio);
  }

  play(track) {
    const stream = new MediaStream([track]);
    this[track.kind].srcObject = stream; // Chromium decodes no sound for Web Audio alone
    if (track.kind === "video") return;
    const context = new AudioContext();
    this.analyser = new AnalyserNode(context, { fftSize: 4096 });
    new MediaStreamAudioSourceNode(context, { mediaStream: stream }).connect(this.analyser);
  }

  colour() {
    if (!this.video.videoWidth) return null;
    const drawing = new OffscreenCanvas(1, 1).getContext("2d");
    drawing.drawImage(this.video, 60, 40, 20, 20, 0, 0, 1, 1);
    return [...drawing.getImageData(0, 0, 1, 1).data.slice(0, 3)];
  }

  /** The strongest frequency, or 0 in silence. */
  toneHz() {
    if (!this.analyser) return null;
    const levels = new Float32Array(this.analyser.frequencyBinCount);
    this.analyser.getFloatFrequencyData(levels);
    const best = levels.indexOf(Math.max(...levels));
    return levels[best] < -60 ? 0 : (best * this.analyser.context.sampleRate) / this.analyser.fftSize;
  }
}

const peers = [];
window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(...given) {
    super(...given);
    peers.push(this);
    // Not by the client's onTrackStarted: what ends the old tracks after a reconnection makes it forget the new ones.
    this.addEventListener("track", ({ track, transceiver }) => transceiver.mid < 2 && page.remote.play(track));
  }
  async setRemoteDescription(answer) {
    await super.setRemoteDescription(answer);
    page.answers += 1;
  }
};

window.page = {
  seen: [],
  answers: 0,
  peers,

  async join(endpoint, token, body) {
    const media = new KnownMedia();
    this.remote = new Remote();
    this.seen.length = 0;
    const note = (what) => (value) => this.seen.push([what, value ?? null]);
    this.client = new PipecatClient({
      transport: new SmallWebRTCTransport({ mediaManager: media }),
      enableMic: true,
      enableCam: true,
      callbacks: {
        onServerMessage: note("server"),
        onBotDisconnected: () => this.seen.push(["left", null]),
        onTransportStateChanged: note("state"),
      },
    });
    const headers = token ? { headers: new Headers({ Authorization: `token ${token}` }) } : {};
    return this.client.startBotAndConnect({ endpoint, ...headers, requestData: { body } });
  },

  /** The network is cut as far as the client can tell: its browser says that ICE has failed. */
  cut() {
    const peer = peers.at(-1);
    Object.defineProperty(peer, "iceConnectionState", { value: "failed" });
    peer.dispatchEvent(new Event("iceconnectionstatechange"));
  },
};
