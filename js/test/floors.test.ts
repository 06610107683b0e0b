import assert from "node:assert/strict";
import { posix } from "node:path";
import { test } from "node:test";
import { sources } from "./reading.ts";

/** A room is a file of src/ or a folder of it; a file imports its own floor's room or lower floors only. */
const FLOORS = [
  ["errors", "protocol", "model"],
  ["negotiation", "status"],
  ["signaling", "media"],
  ["peer"],
  ["relay"],
  ["session"],
  ["view"],
  ["plot"],
  ["widget", "plot_widget", "labextension", "page"],
];
/** Within the first floor the order is errors, protocol, model: a model holds what a protocol names. */
const BESIDE: Record<string, string[]> = { protocol: ["errors"], model: ["errors", "protocol"] };

const floorOf = (room: string): number => FLOORS.findIndex((rooms) => rooms.includes(room));
const roomOf = (path: string): string => (path.split("/")[0] ?? "").replace(/\.ts$/, "");

function imported(path: string, text: string): string[] {
  const names = [...text.matchAll(/from "(\.[^"]+)"/g)].map((match) => match[1] ?? "");
  return names.map((name) => roomOf(posix.join(posix.dirname(path), name)));
}

test("every source file has a floor", () => {
  for (const [path] of sources()) assert.ok(floorOf(roomOf(path)) >= 0, `${path} is on no floor`);
});

test("a file imports its own room and lower floors only", () => {
  const wrong: string[] = [];
  for (const [path, text] of sources()) {
    const room = roomOf(path);
    for (const other of imported(path, text)) {
      const allowed = other === room || floorOf(other) < floorOf(room) || BESIDE[room]?.includes(other);
      if (!allowed) wrong.push(`${path} imports ${other}`);
    }
  }
  assert.deepEqual(wrong, []);
});

test("nothing is imported from outside src/", () => {
  for (const [path, text] of sources()) {
    for (const [, name] of text.matchAll(/from "([^"]+)"/g)) assert.ok(name?.startsWith("."), `${path} imports ${name}`);
  }
});

test("only peer/peer.ts makes a peer connection, only media/devices.ts opens devices", () => {
  const users = (word: RegExp) => sources().flatMap(([path, text]) => (word.test(text) ? [path] : []));
  assert.deepEqual(users(/new RTCPeerConnection/), ["peer/peer.ts"]);
  assert.deepEqual(users(/mediaDevices\.get/), ["media/devices.ts"]);
});
