"""Messages that arrive once and in order, whatever happens to the socket: numbered, kept until acknowledged, sent again
on the next one.

One conversation outlives its sockets. Whoever opens a socket says what it has received last; the other side then
sends again what came after that.
"""

from __future__ import annotations

from collections import deque

from .packets import MessageText

__all__ = ["MOST_UNACKNOWLEDGED", "Conversation", "MessageInbox", "MessageOutbox"]

MOST_UNACKNOWLEDGED = 500


class MessageOutbox:
    """What was said and not acknowledged yet: ``limit`` messages at most, more are refused and counted."""

    def __init__(self, limit: int = MOST_UNACKNOWLEDGED) -> None:
        self.dropped = 0
        self._limit = limit
        self._sequence = 0
        self._kept: deque[MessageText] = deque()

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def full(self) -> bool:
        """Whether the next message would be refused."""
        return len(self._kept) >= self._limit

    def put(self, text: str) -> MessageText | None:
        """Number and keep a message; None when too many wait for their acknowledgement."""
        if self.full:
            self.dropped += 1
            return None
        self._sequence += 1
        message = MessageText(self._sequence, text)
        self._kept.append(message)
        return message

    def acknowledge(self, sequence: int) -> None:
        """Everything up to ``sequence`` has arrived."""
        while self._kept and self._kept[0].sequence <= sequence:
            self._kept.popleft()

    def again(self, received: int) -> list[MessageText]:
        """What a new socket has to carry first, when the other side has everything up to ``received``."""
        self.acknowledge(received)
        return list(self._kept)


class Conversation:
    """Both directions of one page's messages, through any number of sockets."""

    def __init__(self) -> None:
        self.outbox = MessageOutbox()
        self.inbox = MessageInbox()


class MessageInbox:
    """What has arrived: ``received`` is the last sequence without a gap before it."""

    def __init__(self) -> None:
        self.received = 0
        self.repeated = 0

    def accept(self, message: MessageText) -> bool:
        """Whether this is the next one. One that came before is counted; one too early will come again."""
        if message.sequence == self.received + 1:
            self.received += 1
            return True
        self.repeated += message.sequence <= self.received
        return False
