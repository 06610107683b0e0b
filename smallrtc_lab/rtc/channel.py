"""The data channel of one peer: messages out in order, messages in read and sorted."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Any

from aiortc import RTCDataChannel

from smallrtc_lab.conversation import Conversation, MessageText
from smallrtc_lab.errors import ProtocolError

from .messages import (
    MAX_QUEUED,
    Acknowledged,
    AppMessage,
    Incoming,
    MessageQueue,
    Numbered,
    acknowledged_text,
    numbered_text,
    read_message,
    read_numbered,
    signalling_text,
)
from .numbering import Numbering
from .stall import Progress, StallWatch

__all__ = ["MessageChannel"]

logger = logging.getLogger(__name__)

MAX_BUFFERED_BYTES = 4 * 1024 * 1024  # aiortc's own send queue has no bound
ROOM_BYTES = 512 * 1024  # enough to keep any path busy
OPEN_WITHIN_S = 10.0


class MessageChannel:
    """Sends and receives over the channel the client opens, queueing until it does.

    At most 50 messages wait. When no channel opened ``OPEN_WITHIN_S`` after the connection was up, they are
    dropped, which is logged; a client need not open one. ``dropped`` counts every message that was not sent.
    Messages of a conversation (:meth:`converse`) wait there and not in the queue, whatever happens to the channel.
    """

    def __init__(
        self, on_message: Callable[[Incoming], None], read_progress: Callable[[], Progress | None]
    ) -> None:
        self._on_message = on_message
        self._stall = StallWatch(read_progress, self._stuck_changed)
        self._channel: RTCDataChannel | None = None
        self._queue = MessageQueue()
        self._timer: asyncio.TimerHandle | None = None
        self._given_up = False
        self._changed = asyncio.Event()  # there may be room now
        self._dropped = 0
        self._numbering: Numbering | None = None

    def converse(self, conversation: Conversation) -> None:
        """The client numbers its messages, and takes numbered ones; before anything is sent."""
        self._numbering = Numbering(conversation, self._carry, self._acknowledge)

    def speak(self) -> None:
        """What the client does not have yet of the conversation goes over this channel, and whatever follows."""
        if self._numbering is not None:
            self._numbering.speak()

    @property
    def is_open(self) -> bool:
        """Whether messages go out at once."""
        return self._channel is not None and self._channel.readyState == "open"

    @property
    def takes_messages(self) -> bool:
        """Whether a message goes out at once and is not dropped."""
        return (
            self._channel is not None
            and self.is_open
            and self._channel.bufferedAmount <= MAX_BUFFERED_BYTES
            and (self._numbering is None or self._numbering.has_room)
        )

    @property
    def stuck(self) -> bool:
        """Whether the client has acknowledged nothing for some seconds of what was sent."""
        return self._stall.stuck

    @property
    def dropped(self) -> int:
        """Messages that were given to ``send`` and never went out."""
        return self._dropped + self._queue.dropped

    def attach(self, channel: RTCDataChannel) -> None:
        """Use ``channel``, which the client opened; a later one takes the place of the first."""
        self._channel = channel
        self._given_up = False
        channel.on("message", self._receive)
        channel.on("open", self._flush)
        channel.on("bufferedamountlow", self._changed.set)
        self._flush()

    def detach(self) -> None:
        """Forget the channel of a peer that was replaced; what waits goes out over the next one."""
        self._channel = None
        self._given_up = False
        self._changed.set()
        self._stall.stop()
        self._cancel_timer()
        if self._numbering is not None:
            self._numbering.stop()

    def connection_is_up(self) -> None:
        """Begin to count the time in which the channel has to open."""
        if not self.is_open and self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(OPEN_WITHIN_S, self._give_up)

    def send(self, message: Any) -> bool:
        """Send or queue a message that JSON can hold; returns False when it had to be dropped.

        Raises ``TypeError`` or ``ValueError`` for a message that is no JSON.
        """
        text = json.dumps(message)
        return self._send_text(text) if self._numbering is None else self._say(self._numbering, text)

    def signal(self, kind: str) -> bool:
        """Send a message of the protocol's own, if the channel is open."""
        return self.is_open and self._send_text(signalling_text(kind))

    async def room(self, timeout_s: float) -> bool:
        """Wait until one more message goes out, or is kept; False when it would be dropped even then."""
        try:
            async with asyncio.timeout(timeout_s):
                while not self._has_room():
                    if self._given_up:
                        return False
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return False
        return True

    async def taken(self, timeout_s: float) -> bool:
        """Wait until the channel is open and there is room in it; False when the time was up first."""
        try:
            async with asyncio.timeout(timeout_s):
                while not (self.is_open and self._has_room()):
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return False
        return True

    async def emptied(self, timeout_s: float) -> None:
        """Wait until nothing waits for the channel to open, or for an acknowledgement, or the time is up."""
        try:
            async with asyncio.timeout(timeout_s):
                while len(self._queue) or (self._numbering is not None and self._numbering.waiting):
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            logger.debug("the client did not take everything within %.2f s", timeout_s)

    async def flushed(self, timeout_s: float) -> None:
        """Wait until what was sent has left aiortc's queue, or the time is up."""
        channel = self._channel
        if channel is None or not self.is_open or channel.bufferedAmount == 0:
            return
        low = asyncio.Event()
        channel.once("bufferedamountlow", low.set)
        try:
            async with asyncio.timeout(timeout_s):
                await low.wait()
        except TimeoutError:
            logger.debug("the data channel did not flush within %.2f s", timeout_s)

    def close(self) -> None:
        """Send and receive no more."""
        self.detach()
        self._given_up = True
        left = self._queue.take_all()
        if left:
            self._dropped += len(left)
            logger.warning("%d messages were never sent: the connection closed first", len(left))

    def _has_room(self) -> bool:
        if self._numbering is not None and not self._numbering.has_room:
            return False
        if self._channel is not None and self.is_open:
            return self._channel.bufferedAmount <= ROOM_BYTES
        return self._numbering is not None or (not self._given_up and len(self._queue) < MAX_QUEUED)

    def _say(self, numbering: Numbering, text: str) -> bool:
        buffered = 0 if self._channel is None else self._channel.bufferedAmount
        if buffered <= MAX_BUFFERED_BYTES and numbering.say(text):
            return True
        self._dropped += 1
        logger.warning("a message was dropped: the client does not take what was sent before")
        return False

    def _carry(self, message: MessageText) -> None:
        if self._channel is not None and self.is_open:
            self._channel.send(numbered_text(message.sequence, message.text))
            self._stall.sent()

    def _acknowledge(self, sequence: int) -> None:
        if self._channel is not None and self.is_open:
            self._channel.send(acknowledged_text(sequence))

    def _send_text(self, text: str) -> bool:
        if self.is_open:
            return self._transmit(text)
        if not self._given_up and self._queue.put(text):
            return True
        if self._given_up:
            self._dropped += 1
        logger.warning("a message was dropped: the client has opened no data channel")
        return False

    def _transmit(self, text: str) -> bool:
        assert self._channel is not None
        if self._channel.bufferedAmount > MAX_BUFFERED_BYTES:
            self._dropped += 1
            logger.warning("a message was dropped: the client does not take what was sent before")
            return False
        self._channel.send(text)
        self._stall.sent()
        return True

    def _flush(self) -> None:
        if self.is_open:
            self._cancel_timer()
            for text in self._queue.take_all():
                self._transmit(text)
            if self._numbering is not None and self._numbering.speaking:
                self.speak()
            self._changed.set()

    def _receive(self, text: str | bytes) -> None:
        try:
            if self._numbering is None:
                self._on_message(read_message(text))
            else:
                self._take(self._numbering, text)
        except ProtocolError as error:
            logger.warning("ignored: %s", error)

    def _take(self, numbering: Numbering, text: str | bytes) -> None:
        match read_numbered(text):
            case Numbered(sequence, value):
                if numbering.accept(sequence):
                    self._on_message(AppMessage(value))
            case Acknowledged(sequence):
                if numbering.acknowledged(sequence):
                    self._changed.set()
            case other:
                self._on_message(other)

    def _give_up(self) -> None:
        self._timer = None
        self._given_up = True
        self._changed.set()
        left = self._queue.take_all()
        self._dropped += len(left)
        if left:
            logger.warning(
                "%d messages dropped: no data channel opened within %.0f s", len(left), OPEN_WITHIN_S
            )

    def _stuck_changed(self, stuck: bool) -> None:
        if stuck:
            logger.warning(
                "messages are stuck: the client is there, but takes nothing of what was sent. The path may let no "
                "datagram of this size through: try a smaller SMALLRTC_SCTP_MAX_CHUNK_SIZE"
            )

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
