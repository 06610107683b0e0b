import assert from "node:assert/strict";
import { test } from "node:test";
import { Channel } from "../src/peer/channel.ts";
import { ChannelPipe } from "../src/peer/channel_pipe.ts";
import { acknowledgedText, Conversation, numberedText, readNumbered } from "../src/peer/conversation.ts";
import { RelayChannel } from "../src/relay/delivery.ts";
import type { Packet } from "../src/relay/packets.ts";
import { readJson } from "./reading.ts";

interface Golden {
  what: string;
  text: string;
  sequence: number;
  message: unknown;
}

const golden = readJson("..", "tests", "contract", "conversation.json") as Record<string, Golden[]>;

test("numbered messages and acknowledgements are read and written as Python does", () => {
  for (const { what, text, sequence, message } of golden["numbered"] ?? []) {
    const read = readNumbered(text);
    assert.ok(read?.kind === "numbered", what);
    assert.deepEqual([read.sequence, JSON.parse(read.text)], [sequence, message]);
    assert.deepEqual(JSON.parse(numberedText(read)), JSON.parse(text));
  }
  for (const { text, sequence } of golden["acknowledged"] ?? []) {
    assert.deepEqual(readNumbered(text), { kind: "acknowledged", sequence });
    assert.deepEqual(JSON.parse(acknowledgedText(sequence)), JSON.parse(text));
  }
  for (const { what, text } of [...(golden["plain"] ?? []), ...(golden["bad"] ?? [])]) assert.equal(readNumbered(text), null, what);
});

/** A data channel as browsers have it, and what is on its way. */
class FakeChannel {
  readyState: RTCDataChannelState = "connecting";
  bufferedAmount = 0;
  onopen: ((event: Event) => void) | null = null;
  onmessage: ((event: MessageEvent) => void) | null = null;
  onclose: ((event: Event) => void) | null = null;
  readonly sent: string[] = [];

  send(text: string): void {
    if (!text.startsWith("ping:")) this.sent.push(text);
  }

  opens(): void {
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

function piped(talk: Conversation | null): { raw: FakeChannel; pipe: ChannelPipe } {
  const raw = new FakeChannel();
  const pipe = new ChannelPipe(raw as unknown as RTCDataChannel);
  pipe.talk = talk;
  return { raw, pipe };
}

function page(): { channel: Channel; heard: unknown[] } {
  const heard: unknown[] = [];
  const nothing = () => undefined;
  return { channel: new Channel({ message: (message) => heard.push(message), signalling: nothing, dropped: nothing, closed: nothing }), heard };
}

test("without a conversation a data channel carries what the protocol says", () => {
  const { channel, heard } = page();
  const { raw, pipe } = piped(null);
  channel.attach(pipe);
  raw.opens();
  channel.send({ a: 1 });
  raw.says('{"type": "numbered", "sequence": 1, "message": 2}');
  assert.deepEqual(raw.sent, ['{"a":1}']);
  assert.deepEqual(heard, [{ type: "numbered", sequence: 1, message: 2 }]);
  channel.detach();
});

test("what is not acknowledged goes over the next way, whatever it is, and nothing is heard twice", async () => {
  const talk = new Conversation();
  const { channel, heard } = page();
  const first = piped(talk);
  channel.attach(first.pipe);
  first.raw.opens();
  for (const number of [1, 2, 3]) channel.send(number);
  channel.signal({ type: "renegotiate" });
  first.raw.says(acknowledgedText(1));
  first.raw.says(numberedText({ sequence: 1, text: '"a"' }));
  first.raw.says(numberedText({ sequence: 2, text: '"b"' }));
  await new Promise((done) => setTimeout(done, 80));
  assert.deepEqual(JSON.parse(first.raw.sent.at(-1) ?? ""), { type: "acknowledged", sequence: 2 });

  const packets: Packet[] = [];
  const relay = new RelayChannel((packet) => packets.push(packet), talk);
  relay.opened();
  channel.release();
  channel.attach(relay);
  channel.send(4);
  assert.deepEqual(
    packets.map((packet) => packet.kind === "message" && [packet.sequence, packet.text]),
    [
      [2, "2"],
      [3, "3"],
      [4, "4"],
    ],
  );
  relay.arrived({ kind: "message", sequence: 2, text: '"b"' });
  relay.arrived({ kind: "message", sequence: 3, text: '"c"' });
  first.raw.says(numberedText({ sequence: 3, text: '"c"' })); // late, by the way that was let go
  first.raw.says(acknowledgedText(3));
  assert.deepEqual(heard, ["a", "b", "c"]);
  assert.deepEqual(
    talk.unacknowledged.map(({ sequence }) => sequence),
    [4],
  );
  channel.detach();
});

test("a word of the protocol's own is said over one way only, and is no part of the conversation", () => {
  const { channel } = page();
  const packets: Packet[] = [];
  const talk = new Conversation();
  const relay = new RelayChannel((packet) => packets.push(packet), talk);
  relay.opened();
  channel.attach(relay);
  channel.signal({ type: "trackStatus", receiver_index: 0, enabled: true });
  assert.ok(packets[0]?.kind === "message" && packets[0].sequence === 0);
  assert.equal(talk.unacknowledged.length, 0);
  channel.detach();
});
