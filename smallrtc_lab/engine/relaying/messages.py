"""The messages of a relayed page: numbered, acknowledged, and read as those of a data channel."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable
from typing import Any

from smallrtc_lab.conversation import Conversation, MessageText
from smallrtc_lab.relay.packets import Report, Stream
from smallrtc_lab.rtc.messages import Incoming, read_message, signalling_text
from smallrtc_lab.rtc.numbering import Numbering

__all__ = ["RelayMessages"]

logger = logging.getLogger(__name__)

_STUCK_S = 5.0
_ROOM = 100  # unacknowledged messages with which one more still goes out at once


class RelayMessages:
    """``send`` takes packets, ``on_message`` what the page said; raises ``ProtocolError`` for what follows no rule."""

    def __init__(
        self,
        send: Callable[[MessageText | Report], None],
        on_message: Callable[[Incoming], None],
        conversation: Conversation | None = None,
    ) -> None:
        self.dropped = 0  # messages that were given to send() and refused
        self._send = send
        self._on_message = on_message
        self._numbering = Numbering(
            conversation or Conversation(),
            send,
            lambda sequence: send(Report(Stream.MESSAGES, sequence)),
            acknowledge_every=1,
        )
        self._moved_s = time.monotonic()
        self._room = asyncio.Event()
        self._open = True

    @property
    def taken(self) -> bool:
        """Whether a message goes out at once."""
        return self._open and self._numbering.has_room and self._numbering.waiting < _ROOM

    @property
    def stuck(self) -> bool:
        """Whether nothing was acknowledged for 5 s of what was said."""
        return self._open and self._numbering.waiting > 0 and time.monotonic() - self._moved_s > _STUCK_S

    @property
    def last_received(self) -> int:
        """The last message that came, for a page that goes on with a conversation."""
        return self._numbering.received

    def speak(self) -> None:
        """This socket carries from now on: what the page does not have yet is sent first."""
        self._moved_s = time.monotonic()
        self._numbering.speak()

    def send(self, message: Any) -> bool:
        """Any JSON value, in order and once; False when too many are unacknowledged."""
        if not self._numbering.waiting:
            self._moved_s = time.monotonic()
        if self._numbering.say(json.dumps(message)):
            return True
        self.dropped += 1
        logger.warning("a message was dropped: the page does not take what was sent before")
        return False

    def signal(self, kind: str) -> None:
        """The protocol's own word: of this socket alone, and no part of the conversation."""
        self._send(MessageText(0, signalling_text(kind)))

    async def wait_taken(self, timeout_s: float) -> bool:
        """Wait until messages go out at once; False when the time was up first."""
        return await self._wait_for(lambda: self.taken, timeout_s)

    async def wait_room(self, timeout_s: float) -> bool:
        """Wait until one more message will not be dropped; False when the time was up first."""
        return await self._wait_for(lambda: self._open and self._numbering.has_room, timeout_s)

    def received(self, message: MessageText) -> None:
        """The page said something; what is part of the conversation is acknowledged."""
        if message.sequence == 0 or self._numbering.accept(message.sequence):
            self._on_message(read_message(message.text))

    def acknowledged(self, sequence: int) -> None:
        """The page has everything up to ``sequence``."""
        if self._numbering.acknowledged(sequence):
            self._moved_s = time.monotonic()
            self._room.set()

    def close(self) -> None:
        """Nothing more is said here; what was not acknowledged waits in the conversation for another way."""
        self._open = False
        self._room.set()
        self._numbering.stop()

    async def _wait_for(self, condition: Callable[[], bool], timeout_s: float) -> bool:
        try:
            async with asyncio.timeout(timeout_s):
                while not condition():
                    self._room.clear()
                    await self._room.wait()
        except TimeoutError:
            return False
        return True
