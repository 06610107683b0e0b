// Camera, microphone and screen: the only place that opens a device, and the place that closes them all.
import type { Site, Wanted } from "../errors.ts";
import { asError, deviceProblem, LabError, screenProblem, siteProblem } from "../errors.ts";
import type { Constraints } from "../model.ts";
import type { Source as Name } from "../negotiation.ts";
import { withDevice } from "../negotiation.ts";
import type { Choices, Device } from "../status.ts";

interface Held {
  track: MediaStreamTrack;
  test: boolean;
  stop(): void;
}

export interface DeviceEvents {
  /** The device went away by itself: unplugged, or the browser's own "stop sharing". */
  lost(name: Name): void;
  /** Devices were plugged in or out. */
  changed(): void;
}

function allows(feature: string): boolean {
  const page = document as Document & { featurePolicy?: { allowsFeature(name: string): boolean } };
  return page.featurePolicy?.allowsFeature(feature) ?? true;
}

/** The desktop's webview, and that of vscode.dev and Codespaces. */
function inVsCode(): boolean {
  return location.protocol === "vscode-webview:" || /\.(vscode-cdn|vscode-webview)\.net$/.test(location.hostname);
}

async function denied(name: "camera" | "microphone"): Promise<boolean> {
  try {
    return (await navigator.permissions.query({ name: name as PermissionName })).state === "denied";
  } catch {
    return false; // Firefox before 132 and Safari know no such permission name
  }
}

async function site(wanted: Wanted): Promise<Site> {
  const kinds = [...(wanted.video ? (["camera"] as const) : []), ...(wanted.audio ? (["microphone"] as const) : [])];
  return {
    secure: window.isSecureContext,
    origin: location.origin,
    mediaDevices: Boolean(navigator.mediaDevices?.getUserMedia),
    blockedByPolicy: kinds.some((kind) => !allows(kind)),
    denied: (await Promise.all(kinds.map(denied))).some(Boolean),
    vscode: inVsCode(),
  };
}

/** One permission question for what is asked for. Raises `LabError` with the next step. */
async function getUserMedia(audio: false | Constraints, video: false | Constraints): Promise<MediaStream> {
  const wanted = { audio: audio !== false, video: video !== false };
  const impossible = siteProblem(await site(wanted), wanted);
  if (impossible) throw new LabError(impossible.code, impossible.message, impossible.next_step);
  try {
    return await navigator.mediaDevices.getUserMedia({ audio, video } as MediaStreamConstraints);
  } catch (cause) {
    const missing = await stillMissing(cause, wanted);
    const { code, message, next_step } = deviceProblem(cause, await site(missing), missing);
    throw new LabError(code, message, next_step);
  }
}

/** Which of two wanted kinds a NotFoundError speaks of: the browser does not say. */
async function stillMissing(cause: unknown, wanted: Wanted): Promise<Wanted> {
  if (!(cause instanceof DOMException) || cause.name !== "NotFoundError" || !wanted.audio || !wanted.video) return wanted;
  const kinds = (await navigator.mediaDevices.enumerateDevices()).map((device) => device.kind);
  const missing = { audio: !kinds.includes("audioinput"), video: !kinds.includes("videoinput") };
  return missing.audio || missing.video ? missing : wanted;
}

export class Devices {
  private readonly held = new Map<Name, Held>();
  private readonly onChange = () => this.events.changed();
  private closed = false;

  constructor(private readonly events: DeviceEvents) {
    navigator.mediaDevices?.addEventListener?.("devicechange", this.onChange);
  }

  track(name: Name): MediaStreamTrack | null {
    return this.held.get(name)?.track ?? null;
  }

  isTest(name: Name): boolean {
    return this.held.get(name)?.test ?? false;
  }

  /** Opens microphone and camera with one question. */
  async open(audio: false | Constraints, video: false | Constraints): Promise<void> {
    const stream = await getUserMedia(audio, video);
    const [microphone] = stream.getAudioTracks();
    const [camera] = stream.getVideoTracks();
    if (microphone) this.hold("audio", microphone);
    if (camera) this.hold("camera", camera);
  }

  /** Opens another device in the place of the one held; the old one stays when the new one does not open. */
  async replace(name: "audio" | "camera", constraints: Constraints, deviceId: string | null): Promise<MediaStreamTrack> {
    const wish = withDevice(constraints, deviceId);
    const stream = await getUserMedia(name === "audio" ? wish : false, name === "camera" ? wish : false);
    const [track] = stream.getTracks();
    if (!track) throw new LabError("no-device", "The browser opened nothing.", "Pick another device.");
    this.hold(name, track);
    return track;
  }

  /** The browser's own picker asks which screen or window. Null when the person closed it. */
  async openScreen(frameRate: number): Promise<MediaStreamTrack | null> {
    if (!navigator.mediaDevices?.getDisplayMedia) {
      throw new LabError("no-screen", "This browser cannot share a screen.", "Use Chrome, Edge or Firefox on a computer.");
    }
    try {
      const stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { max: frameRate } }, audio: false });
      const [track] = stream.getVideoTracks();
      if (!track) return null;
      track.contentHint = "detail";
      this.hold("screen", track);
      return track;
    } catch (cause) {
      if (cause instanceof DOMException && cause.name === "NotAllowedError") return null;
      throw asError(screenProblem(cause));
    }
  }

  /** Keeps a generated track (a test signal) in the place of a device. */
  adopt(name: Name, source: { track: MediaStreamTrack; stop(): void }): void {
    this.release(name);
    this.held.set(name, { track: source.track, test: true, stop: source.stop });
  }

  release(name: Name): void {
    const held = this.held.get(name);
    this.held.delete(name);
    if (!held) return;
    held.track.onended = null;
    held.stop();
  }

  settings(name: Name): Record<string, unknown> | null {
    const track = this.track(name);
    return track ? { ...track.getSettings(), label: track.label, muted: !track.enabled } : null;
  }

  close(): void {
    this.closed = true;
    for (const name of [...this.held.keys()]) this.release(name);
    navigator.mediaDevices?.removeEventListener?.("devicechange", this.onChange);
  }

  private hold(name: Name, track: MediaStreamTrack): void {
    if (this.closed) {
      track.stop(); // the permission came after the person had pressed Stop
      return;
    }
    this.release(name);
    track.onended = () => {
      this.release(name);
      this.events.lost(name);
    };
    this.held.set(name, { track, test: false, stop: () => track.stop() });
  }
}

const KINDS: Record<MediaDeviceKind, { list: keyof Choices; word: string }> = {
  videoinput: { list: "camera", word: "Camera" },
  audioinput: { list: "microphone", word: "Microphone" },
  audiooutput: { list: "speaker", word: "Speaker" },
};

/** What can be picked. Before permission browsers give no names and no ids: then a list is empty. */
export async function listDevices(): Promise<Choices> {
  const choices: Choices = { camera: [], microphone: [], speaker: [] };
  const found = (await navigator.mediaDevices?.enumerateDevices?.()) ?? [];
  for (const { kind, deviceId, label } of found) {
    const list: Device[] = choices[KINDS[kind].list];
    if (deviceId) list.push({ id: deviceId, label: label || `${KINDS[kind].word} ${list.length + 1}` });
  }
  return choices;
}

