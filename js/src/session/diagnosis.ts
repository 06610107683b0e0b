// What this page can tell of itself when Python asks why nothing connects. No device is opened for it, and no address told.
import type { PairSeen } from "../negotiation.ts";
import type { Diagnosis, Permission } from "../protocol.ts";
import { findAbilities } from "../relay/abilities.ts";

async function permission(name: "camera" | "microphone"): Promise<Permission> {
  try {
    return (await navigator.permissions.query({ name: name as PermissionName })).state;
  } catch {
    return "unknown"; // Firefox before 132 and Safari know no such name
  }
}

/** Name and major version; a user agent's other words say more of the person than of the browser. */
function browserName(): string {
  const agent = navigator.userAgent;
  const known: [string, RegExp][] = [
    ["Edge", /Edg\/(\d+)/],
    ["Opera", /OPR\/(\d+)/],
    ["Firefox", /Firefox\/(\d+)/],
    ["Chrome", /Chrom(?:e|ium)\/(\d+)/],
    ["Safari", /Version\/(\d+).*Safari/],
  ];
  for (const [name, pattern] of known) {
    const match = pattern.exec(agent);
    if (match) return `${name} ${match[1]}`;
  }
  return "another browser";
}

async function countDevices(): Promise<{ cameras: number; microphones: number }> {
  const found = (await navigator.mediaDevices?.enumerateDevices?.()) ?? [];
  const count = (kind: MediaDeviceKind) => found.filter((device) => device.kind === kind).length;
  return { cameras: count("videoinput"), microphones: count("audioinput") };
}

/** Everything that can be found out without asking the person. */
export async function diagnose(id: number, pairs: PairSeen[]): Promise<Diagnosis> {
  const [camera, microphone, devices, abilities] = await Promise.all([
    permission("camera"),
    permission("microphone"),
    countDevices(),
    findAbilities(),
  ]);
  return {
    type: "diagnosis",
    id,
    secure: window.isSecureContext,
    host: location.hostname,
    browser: browserName(),
    media_devices: Boolean(navigator.mediaDevices?.getUserMedia),
    webrtc: typeof RTCPeerConnection === "function",
    web_codecs: abilities.encodesVideo && abilities.decodesVideo && abilities.encodesAudio && abilities.decodesAudio,
    camera,
    microphone,
    ...devices,
    pairs,
  };
}
