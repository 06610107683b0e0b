"""A relayed page's messages, at the engine's end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from smallrtc_lab.conversation import Conversation, MessageText
from smallrtc_lab.engine.relaying.messages import RelayMessages
from smallrtc_lab.errors import ProtocolError
from smallrtc_lab.relay.packets import Report, Stream
from smallrtc_lab.rtc.messages import AppMessage, TrackStatus
from smallrtc_lab.rtc.sections import Section


class Wire:
    """What was sent and what was heard."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.heard: list[Any] = []
        self.conversation = Conversation()
        self.messages = RelayMessages(self.sent.append, self.heard.append, self.conversation)
        self.messages.speak()


@pytest.fixture
async def wire() -> Wire:
    return Wire()


async def test_what_comes_is_read_once_and_acknowledged_each_time(wire: Wire) -> None:
    """As on a data channel: signalling and the application's own; a repeated one is only acknowledged."""
    status = (
        '{"type": "signalling", "message": {"type": "trackStatus", "receiver_index": 1, "enabled": false}}'
    )
    for message in (MessageText(1, '{"a": 1}'), MessageText(1, '{"a": 1}'), MessageText(2, status)):
        wire.messages.received(message)
    assert wire.heard == [AppMessage({"a": 1}), TrackStatus(Section.CAMERA, False)]
    assert wire.sent == [Report(Stream.MESSAGES, 1), Report(Stream.MESSAGES, 1), Report(Stream.MESSAGES, 2)]
    with pytest.raises(ProtocolError):
        wire.messages.received(MessageText(3, "{"))


async def test_senders_wait_for_room(wire: Wire) -> None:
    """A hundred go out at once; the wait ends with the acknowledgement, or with its deadline."""
    for number in range(100):
        assert wire.messages.taken
        assert wire.messages.send(number)
    assert not wire.messages.taken
    assert not await wire.messages.wait_taken(0.01)
    waiting = asyncio.ensure_future(wire.messages.wait_taken(60))
    await asyncio.sleep(0)
    assert not waiting.done()
    wire.messages.acknowledged(1)
    assert await waiting
    assert [message.text for message in wire.sent] == [str(number) for number in range(100)]


async def test_a_page_that_acknowledges_nothing_bounds_what_is_kept(wire: Wire) -> None:
    """Five hundred are kept, one more is refused and counted; nothing is taken after the end."""
    assert [wire.messages.send(number) for number in range(501)].count(False) == 1
    assert wire.messages.dropped == 1
    assert not await wire.messages.wait_room(0.01)
    assert not wire.messages.stuck  # for five seconds it may only be slow
    wire.messages.close()
    assert not wire.messages.taken


async def test_the_protocols_own_words_are_of_one_socket_alone(wire: Wire) -> None:
    """They are not numbered, and nobody says them again over another one."""
    wire.messages.send("to be repeated")
    wire.messages.signal("peerLeft")
    wire.messages.close()
    assert [message.sequence for message in wire.sent] == [1, 0]
    other: list[Any] = []
    RelayMessages(other.append, wire.heard.append, wire.conversation).speak()
    assert other == [MessageText(1, '"to be repeated"')]
    status = (
        '{"type": "signalling", "message": {"type": "trackStatus", "receiver_index": 0, "enabled": true}}'
    )
    wire.messages.received(MessageText(0, status))
    assert wire.heard == [TrackStatus(Section.AUDIO, True)]
    assert len(wire.sent) == 2
