"""MessageChannel: whoever has much to say waits for room."""

from __future__ import annotations

import asyncio
from typing import Any

from pyee.asyncio import AsyncIOEventEmitter

from smallrtc_lab.conversation import Conversation
from smallrtc_lab.rtc.channel import ROOM_BYTES, MessageChannel
from smallrtc_lab.rtc.messages import MAX_QUEUED, AppMessage, numbered_text

LONG_S = 60.0


class Wire(AsyncIOEventEmitter):
    """The client's end of a data channel, with a buffer that is emptied by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.readyState = "open"
        self.bufferedAmount = 0
        self.sent: list[str] = []

    def send(self, text: str) -> None:
        self.sent.append(text)
        self.bufferedAmount += len(text)

    def empty(self) -> None:
        self.bufferedAmount = 0
        self.emit("bufferedamountlow")


def channel() -> MessageChannel:
    return MessageChannel(lambda message: None, lambda: None)


async def waits(messages: MessageChannel) -> asyncio.Task[Any]:
    waiting = asyncio.create_task(messages.room(LONG_S))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    return waiting


async def test_a_full_buffer_is_waited_for() -> None:
    """There is room while half a megabyte or less is under way, and again when the client has taken it."""
    messages, wire = channel(), Wire()
    messages.attach(wire)  # type: ignore[arg-type]
    assert await messages.room(0.0)
    messages.send("x" * ROOM_BYTES)
    assert not await messages.room(0.01)
    waiting = await waits(messages)
    wire.empty()
    assert await waiting
    messages.close()


async def test_before_a_channel_opens_fifty_have_room() -> None:
    """The fifty-first message waits until the client's channel is there."""
    messages, wire = channel(), Wire()
    for number in range(MAX_QUEUED):
        assert await messages.room(0.0)
        messages.send(number)
    waiting = await waits(messages)
    messages.attach(wire)  # type: ignore[arg-type]
    assert await waiting
    assert (len(wire.sent), messages.dropped) == (MAX_QUEUED, 0)
    messages.close()


async def test_who_waits_when_it_closes_is_told() -> None:
    """Closing answers False to whoever waits."""
    messages, wire = channel(), Wire()
    messages.attach(wire)  # type: ignore[arg-type]
    messages.send("x" * ROOM_BYTES)
    waiting = await waits(messages)
    messages.close()
    assert await waiting is False


async def test_with_a_conversation_nothing_is_lost_with_the_channel() -> None:
    """What the client did not acknowledge goes over its next channel; what comes twice is heard once."""
    heard: list[Any] = []
    messages = MessageChannel(heard.append, lambda: None)
    messages.converse(Conversation())
    messages.speak()
    assert messages.send("early")
    first, second = Wire(), Wire()
    messages.attach(first)  # type: ignore[arg-type]
    messages.send("late")
    assert first.sent == [numbered_text(1, '"early"'), numbered_text(2, '"late"')]
    first.emit("message", '{"type": "acknowledged", "sequence": 1}')
    messages.detach()
    assert not messages.takes_messages
    messages.attach(second)  # type: ignore[arg-type]
    assert second.sent == first.sent[1:]
    for _ in range(2):
        second.emit("message", numbered_text(1, "7"))
    assert heard == [AppMessage(7)]
    second.emit("message", '{"type": "acknowledged", "sequence": 2}')
    await messages.emptied(LONG_S)
    assert messages.dropped == 0
    messages.close()
