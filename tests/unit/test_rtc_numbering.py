"""One carrier of a conversation."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from smallrtc_lab.conversation import Conversation
from smallrtc_lab.rtc.numbering import ACKNOWLEDGE_EVERY, Numbering


class Carrier:
    """What was written on it."""

    def __init__(self, conversation: Conversation) -> None:
        self.sent: list[tuple[int, str]] = []
        self.answers: list[int] = []
        self.numbering = Numbering(
            conversation, lambda message: self.sent.append(tuple(message)), self.answers.append
        )


@pytest.fixture
async def talk() -> Conversation:
    return Conversation()


async def test_only_the_carrier_that_speaks_sends(talk: Conversation) -> None:
    """What is said before waits in the conversation; whoever begins to speak says first what is not acknowledged."""
    first, second = Carrier(talk), Carrier(talk)
    assert first.numbering.say('"a"')
    assert first.sent == []
    first.numbering.speak()
    first.numbering.say('"b"')
    assert first.sent == [(1, '"a"'), (2, '"b"')]
    assert second.numbering.acknowledged(1)
    second.numbering.speak()
    assert second.sent == [(2, '"b"')]
    assert second.numbering.waiting == 1


async def test_acknowledgements_are_few_and_soon(talk: Conversation) -> None:
    """One for many messages at once, one a moment after the last, and none once the carrier is gone."""
    carrier = Carrier(talk)
    for sequence in range(1, ACKNOWLEDGE_EVERY + 3):
        assert carrier.numbering.accept(sequence)
    assert carrier.answers == [ACKNOWLEDGE_EVERY]
    async with asyncio.timeout(60):
        while len(carrier.answers) < 2:
            await asyncio.sleep(0.01)
    assert carrier.answers[-1] == ACKNOWLEDGE_EVERY + 2
    assert not carrier.numbering.accept(1)
    carrier.numbering.stop()
    await asyncio.sleep(0.1)
    assert len(carrier.answers) == 2


async def test_a_full_conversation_refuses(talk: Conversation) -> None:
    """Room comes with an acknowledgement, by whatever carrier."""
    carrier: Any = Carrier(talk)
    while carrier.numbering.has_room:
        assert carrier.numbering.say("1")
    assert not carrier.numbering.say("1")
    Carrier(talk).numbering.acknowledged(1)
    assert carrier.numbering.say("1")
