"""The messages of a relayed page: numbered, acknowledged, and read as those of a data channel."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable
from typing import Any

from smallrtc_lab.relay.delivery import Conversation
from smallrtc_lab.relay.packets import MessageText, Report, Stream
from smallrtc_lab.rtc.messages import Incoming, read_message, signalling_text

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
        conversation = conversation or Conversation()
        self._send = send
        self._on_message = on_message
        self._outbox, self._inbox = conversation.outbox, conversation.inbox
        self._moved_s = time.monotonic()
        self._room = asyncio.Event()
        self._open = True
        self._farewell = False

    @property
    def dropped(self) -> int:
        """Messages that were given to :meth:`send` and refused."""
        return self._outbox.dropped

    @property
    def taken(self) -> bool:
        """Whether a message goes out at once."""
        return self._open and len(self._outbox) < _ROOM

    @property
    def stuck(self) -> bool:
        """Whether nothing was acknowledged for 5 s of what was said."""
        return self._open and len(self._outbox) > 0 and time.monotonic() - self._moved_s > _STUCK_S

    @property
    def inbox_received(self) -> int:
        """The last message that came, for a page that goes on with a conversation."""
        return self._inbox.received

    def resume(self, received: int) -> None:
        """A socket of the same conversation: what the page does not have yet is sent again."""
        for message in self._outbox.again(received):
            self._send(message)

    def send(self, message: Any) -> bool:
        """Any JSON value, in order and once; False when too many are unacknowledged."""
        return self._say(json.dumps(message))

    def signal(self, kind: str) -> bool:
        """The protocol's own last word: nothing is lost when it is not acknowledged any more."""
        self._farewell = True
        return self._say(signalling_text(kind))

    async def wait_taken(self, timeout_s: float) -> bool:
        """Wait until messages go out at once; False when the time was up first."""
        return await self._wait_for(lambda: self.taken, timeout_s)

    async def wait_settled(self, timeout_s: float) -> bool:
        """Wait until everything is acknowledged; False when the time was up first."""
        return await self._wait_for(lambda: not len(self._outbox), timeout_s)

    async def wait_room(self, timeout_s: float) -> bool:
        """Wait until one more message will not be dropped; False when the time was up first."""
        return await self._wait_for(lambda: self._open and not self._outbox.full, timeout_s)

    def received(self, message: MessageText) -> None:
        """The page said something; it is acknowledged."""
        if self._inbox.accept(message):
            self._on_message(read_message(message.text))
        self._send(Report(Stream.MESSAGES, self._inbox.received))

    def acknowledged(self, sequence: int) -> None:
        """The page has everything up to ``sequence``."""
        before = len(self._outbox)
        self._outbox.acknowledge(sequence)
        if len(self._outbox) < before:
            self._moved_s = time.monotonic()
            self._room.set()

    def close(self) -> None:
        """Nothing more is said; what was not acknowledged is counted as lost."""
        self._open = False
        self._room.set()
        if len(self._outbox) > self._farewell:
            logger.warning("%d messages to a page were not acknowledged before it left", len(self._outbox))

    def _say(self, text: str) -> bool:
        if not len(self._outbox):
            self._moved_s = time.monotonic()
        message = self._outbox.put(text)
        if message is None:
            logger.warning("a message was dropped: the page does not take what was sent before")
            return False
        self._send(message)
        return True

    async def _wait_for(self, condition: Callable[[], bool], timeout_s: float) -> bool:
        try:
            async with asyncio.timeout(timeout_s):
                while not condition():
                    self._room.clear()
                    await self._room.wait()
        except TimeoutError:
            return False
        return True
