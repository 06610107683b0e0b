import assert from "node:assert/strict";
import { test } from "node:test";
import type { Source } from "../src/negotiation.ts";
import type { DataPipe } from "../src/peer/channel.ts";
import { Channel } from "../src/peer/channel.ts";
import type { MediaPeer, PeerEvents } from "../src/peer/peer.ts";
import type { PageStats } from "../src/protocol.ts";
import { Ladder } from "../src/session/ladder.ts";
import { RequestRefused } from "../src/signaling/server.ts";

class Pipe implements DataPipe {
  readyState: RTCDataChannelState = "connecting";
  bufferedAmount = 0;
  onopen: DataPipe["onopen"] = null;
  onmessage: DataPipe["onmessage"] = null;
  onclose: DataPipe["onclose"] = null;
  readonly sent: string[] = [];

  send(text: string): void {
    if (!text.startsWith("ping:")) this.sent.push(text);
  }

  opened(): void {
    this.readyState = "open";
    this.onopen?.(new Event("open"));
  }

  says(text: string): void {
    this.onmessage?.(new MessageEvent("message", { data: text }));
  }

  close(): void {
    this.readyState = "closed";
  }
}

class FakePeer implements MediaPeer {
  pcId = null;
  readonly pipe = new Pipe();
  closed = false;
  prepared = false;
  offered = false;
  refusal: unknown = null;
  static unreachable: unknown = null;

  constructor(
    readonly name: string,
    private readonly events: PeerEvents,
  ) {}

  prepare(): Promise<void> {
    this.prepared = true;
    return FakePeer.unreachable ? Promise.reject(FakePeer.unreachable) : Promise.resolve();
  }

  offer(): Promise<void> {
    this.offered = true;
    return this.refusal ? Promise.reject(this.refusal) : Promise.resolve();
  }

  readonly sent: (MediaStreamTrack | null)[] = [];

  replace(_: Source, track: MediaStreamTrack | null): Promise<void> {
    this.sent.push(track);
    return Promise.resolve();
  }

  stats(): Promise<PageStats> {
    return Promise.reject(new Error("no figures"));
  }

  connects(): void {
    this.pipe.opened();
    this.events.state("connected");
  }

  fails(): void {
    this.events.state("failed");
  }

  close(): void {
    this.closed = true;
  }
}

function setting(blocked = false, withRelay = true) {
  const made: FakePeer[] = [];
  const chosen: string[] = [];
  const heard: unknown[] = [];
  const nothing = () => undefined;
  const channel = new Channel({ message: (message) => heard.push(message), signalling: nothing, dropped: nothing, closed: nothing });
  const make = (name: string) => (events: PeerEvents) => {
    const peer = new FakePeer(name, events);
    made.push(peer);
    return peer;
  };
  const memory = { blocked, knownBlocked: () => memory.blocked, remember: (value: boolean) => void (memory.blocked = value) };
  const rungs = { direct: make("direct"), relay: withRelay ? make("relay") : null };
  const ladder: Ladder = new Ladder(rungs, channel, (_: Source) => null, memory, {
    chosen: () => chosen.push((ladder.peer as FakePeer).name),
    track: nothing,
    state: (state) => chosen.push(state),
    letGo: nothing,
  });
  const peer = (name: string) => made.find((one) => one.name === name);
  return { ladder, channel, chosen, heard, memory, made, peer };
}

const pass = (ms: number) => new Promise((done) => setTimeout(done, ms));
const never = new AbortController().signal;

test("a direct way that is up soon carries, and no relay is begun", async () => {
  const { ladder, chosen, made, peer, memory } = setting();
  const done = ladder.connect(null, 1000, 60, never);
  await pass(5);
  peer("direct")?.connects();
  await done;
  await pass(80);
  assert.deepEqual(chosen, ["direct"]);
  assert.equal(made.length, 1);
  assert.equal(memory.blocked, false);
  ladder.close();
});

test("the relay begins after its time, carries, and lets go when the direct way is through", async () => {
  const { ladder, channel, chosen, heard, peer } = setting();
  const done = ladder.connect(null, 1000, 20, never);
  await pass(40);
  peer("relay")?.connects();
  await done;
  assert.deepEqual(chosen, ["relay"]);
  channel.send(1);
  assert.deepEqual(peer("relay")?.pipe.sent, ["1"]);
  peer("direct")?.connects();
  peer("direct")?.pipe.says('"early"');
  peer("relay")?.pipe.says('"late"');
  await pass(10);
  channel.send(2);
  assert.deepEqual(chosen, ["relay", "direct"]);
  assert.deepEqual(peer("direct")?.pipe.sent, ["2"]);
  assert.deepEqual(new Set(heard), new Set(["early", "late"]));
  assert.equal(peer("relay")?.closed, false);
  ladder.close();
  assert.ok(peer("relay")?.closed && peer("direct")?.closed);
});

test("where WebRTC is known to find nothing both begin at once", async () => {
  const { ladder, made, peer, memory } = setting(true);
  const done = ladder.connect(null, 1000, 500, never);
  await pass(10);
  assert.deepEqual(made.map(({ name }) => name).sort(), ["direct", "relay"]);
  peer("relay")?.connects();
  await done;
  peer("direct")?.connects();
  await pass(10);
  assert.equal(memory.blocked, false);
  ladder.close();
});

test("where a relay is foreseen its way is open before devices are, and no other one is opened", async () => {
  const { ladder, chosen, made, peer } = setting();
  ladder.foresee(false);
  assert.equal(made.length, 0, "here it is not");
  ladder.foresee(true);
  await pass(1);
  assert.deepEqual([peer("relay")?.prepared, peer("relay")?.offered], [true, false]);
  const done = ladder.connect(null, 1000, 0, never);
  await pass(5);
  peer("relay")?.connects();
  await done;
  assert.deepEqual([chosen, made.length], [["relay"], 2]);
  ladder.close();
});

test("a way to a relay that is lost before it was needed is opened anew", async () => {
  const { ladder, chosen, made, peer } = setting(true);
  FakePeer.unreachable = new Error("no socket");
  ladder.foresee(false);
  await pass(1);
  FakePeer.unreachable = null;
  ladder.foresee(true);
  await pass(1);
  const [first, second] = made;
  assert.ok(first && second);
  assert.deepEqual([first.closed, second.prepared], [true, true]);
  second.refusal = new Error("the socket was closed meanwhile");
  const done = ladder.connect(null, 1000, 0, never);
  await pass(5);
  made.at(-1)?.connects();
  await done;
  assert.deepEqual([chosen, second.closed, made.map(({ name }) => name)], [["relay"], true, ["relay", "relay", "direct", "relay"]]);
  assert.equal(peer("direct")?.closed, false);
  ladder.close();
});

test("WebRTC that fails is told no later than the relay needs, and is remembered", async () => {
  const { ladder, chosen, peer, memory } = setting();
  const done = ladder.connect(null, 1000, 10_000, never);
  await pass(5);
  peer("direct")?.fails();
  await pass(5);
  peer("relay")?.connects();
  await done;
  await pass(5);
  assert.deepEqual(chosen, ["relay"]);
  assert.ok(peer("direct")?.closed);
  assert.equal(memory.blocked, true);
  peer("relay")?.fails();
  assert.deepEqual(chosen, ["relay", "failed"]);
  ladder.close();
});

test("without a relay the fault of WebRTC is what is told", async () => {
  const { ladder, peer } = setting(false, false);
  const done = ladder.connect(null, 1000, 10, never);
  await pass(30);
  peer("direct")?.fails();
  await assert.rejects(done, { name: "LabError" });
  assert.ok(peer("direct")?.closed);
});

async function interrupted() {
  const all = setting();
  const done = all.ladder.connect(null, 1000, 5000, never);
  await pass(5);
  all.peer("direct")?.connects();
  await done;
  all.ladder.prepare();
  all.ladder.prepare();
  await pass(5);
  assert.deepEqual(
    all.made.map(({ name, prepared, offered }) => [name, prepared, offered]),
    [
      ["direct", true, true],
      ["relay", true, false],
    ],
  );
  return all;
}

test("a relay that was prepared carries when WebRTC does not come back", async () => {
  const { ladder, chosen, heard, made, peer } = await interrupted();
  const done = ladder.connect("known", 1000, 0, never);
  await pass(5);
  assert.ok(peer("relay")?.offered);
  peer("relay")?.pipe.says('"by the relay"');
  assert.deepEqual(heard, []);
  peer("relay")?.connects();
  await done;
  assert.deepEqual(chosen, ["direct", "relay"]);
  assert.deepEqual(heard, ["by the relay"]);
  assert.deepEqual(
    made.map(({ name, closed }) => [name, closed]),
    [
      ["direct", true],
      ["relay", false],
      ["direct", false],
    ],
  );
  made[2]?.connects();
  await pass(10);
  assert.deepEqual(chosen, ["direct", "relay", "direct"]);
  ladder.close();
  assert.ok(made.every(({ closed }) => closed));
});

test("when WebRTC comes back the relay that was prepared is let go, and Python never knew of it", async () => {
  const { ladder, channel, chosen, peer } = await interrupted();
  ladder.resume();
  assert.ok(peer("relay")?.closed);
  assert.equal(peer("relay")?.offered, false);
  channel.send(1);
  assert.deepEqual(peer("direct")?.pipe.sent, ["1"]);
  assert.deepEqual(chosen, ["direct"]);
  ladder.close();
});

test("where neither finds a way both faults are told", async () => {
  const { ladder, made, peer } = setting(true);
  const done = ladder.connect(null, 1000, 0, never);
  await pass(5);
  peer("relay")?.fails();
  peer("direct")?.fails();
  await assert.rejects(done, AggregateError);
  assert.ok(made.every(({ closed }) => closed));
  const again = ladder.connect(null, 50, 0, never);
  await pass(5);
  made.at(-1)?.fails(); // the relay; WebRTC says nothing until the deadline
  await assert.rejects(again, AggregateError);
});

test("a network that has changed is tried at once, and WebRTC that failed is never told while the relay carries", async () => {
  const { ladder, chosen, made, peer } = setting(true);
  const done = ladder.connect(null, 1000, 0, never);
  await pass(5);
  peer("relay")?.connects();
  await done;
  peer("direct")?.fails();
  await pass(5);
  assert.equal(made.length, 2); // the next try is half a minute away
  ladder.hurry();
  await pass(5);
  assert.equal(made.length, 3);
  made[2]?.connects();
  await pass(10);
  assert.deepEqual(chosen, ["relay", "direct"]);
  ladder.close();
});

test("another track goes to what carries and to what is tried", async () => {
  const { ladder, made, peer } = setting(true);
  const done = ladder.connect(null, 1000, 0, never);
  await pass(5);
  peer("relay")?.connects();
  await done;
  const track = {} as MediaStreamTrack;
  await ladder.replace("camera", track);
  assert.ok(made.length === 2 && made.every((one) => one.sent.at(-1) === track));
  ladder.close();
});

test("a refusal of the server ends all ways at once", async () => {
  const { ladder, made } = setting(true);
  const refused = new RequestRefused(400, "live-elsewhere", "in another tab");
  const make = ladder.connect(null, 5000, 10, never);
  const direct = made.find(({ name }) => name === "direct");
  if (direct) direct.refusal = refused;
  await assert.rejects(make, refused);
  assert.ok(made.every(({ closed }) => closed));
});

test("nothing that was begun outlives an abort", async () => {
  const { ladder, made } = setting(true);
  const abort = new AbortController();
  const done = ladder.connect(null, 5000, 10, abort.signal);
  await pass(10);
  abort.abort();
  await assert.rejects(done);
  assert.ok(made.length === 2 && made.every(({ closed }) => closed));
});
