"""Messages that arrive once and in order, whatever happens to what carries them: numbered, kept until acknowledged,
said again over the next one.

One conversation outlives its carriers: data channels and relay sockets, one after the other or two at a time. Whoever
begins to speak over another one says again there what is not acknowledged, and then goes on; so on each carrier the
numbers follow each other, and begin no later than the receiver has come. Whatever carrier is the faster, the receiver
takes the number it waits for, once. Only pages of our own have conversations; to others a data channel is what the
SmallWebRTC protocol says. The golden texts of ``tests/contract/conversation.json`` are read by the tests of both
languages.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import NamedTuple

__all__ = [
    "MOST_UNACKNOWLEDGED",
    "Conversation",
    "Conversations",
    "MessageInbox",
    "MessageOutbox",
    "MessageText",
]

MOST_UNACKNOWLEDGED = 500
MOST_CHARS = 4 * 1024 * 1024  # unacknowledged ones, together; a single larger one may go alone
LONGEST_NAME = 100
_REMEMBERED = 8  # conversations whose page may come back


class MessageText(NamedTuple):
    """A text as a data channel carries it, with its place in the conversation; 0: outside of it, and never repeated."""

    sequence: int
    text: str


class MessageOutbox:
    """What was said and not acknowledged yet: ``limit`` messages at most, more are refused and counted."""

    def __init__(self, limit: int = MOST_UNACKNOWLEDGED) -> None:
        self.dropped = 0
        self._limit = limit
        self._sequence = 0
        self._chars = 0
        self._kept: deque[MessageText] = deque()

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def full(self) -> bool:
        """Whether the next message would be refused."""
        return len(self._kept) >= self._limit or self._chars > MOST_CHARS

    @property
    def unacknowledged(self) -> list[MessageText]:
        """What another carrier has to carry first."""
        return list(self._kept)

    def put(self, text: str) -> MessageText | None:
        """Number and keep a message; None when too many wait for their acknowledgement."""
        if self.full:
            self.dropped += 1
            return None
        self._sequence += 1
        message = MessageText(self._sequence, text)
        self._kept.append(message)
        self._chars += len(text)
        return message

    def acknowledge(self, sequence: int) -> bool:
        """Everything up to ``sequence`` has arrived; whether that is news.

        What was never said here was said by a process before this one, which has ended: then it goes on from there.
        """
        if sequence > self._sequence:
            kept = [MessageText(sequence + n, message.text) for n, message in enumerate(self._kept, 1)]
            self._kept, self._sequence = deque(kept), sequence + len(kept)
            return False
        before = len(self._kept)
        while self._kept and self._kept[0].sequence <= sequence:
            self._chars -= len(self._kept.popleft().text)
        return len(self._kept) < before


class MessageInbox:
    """What has arrived: ``received`` is the last sequence without a gap before it."""

    def __init__(self) -> None:
        self.received = 0
        self.repeated = 0
        self._begun = False

    def accept(self, sequence: int) -> bool:
        """Whether this is the next one. One that came before is counted; one too early will come again.

        The first of all is the next one, whatever its number: a carrier begins with what nobody has acknowledged, so
        what came before went to a process that has ended.
        """
        if not self._begun and sequence > 0:
            self._begun, self.received = True, sequence - 1
        if sequence == self.received + 1:
            self.received += 1
            return True
        self.repeated += sequence <= self.received
        return False


class Conversation:
    """Both directions of one page's messages."""

    def __init__(self) -> None:
        self.outbox = MessageOutbox()
        self.inbox = MessageInbox()


class Conversations:
    """By name, which is the page's own; the last eight are remembered, for a page may come back by another way."""

    def __init__(self) -> None:
        self._named: OrderedDict[str, Conversation] = OrderedDict()

    def of(self, name: str) -> Conversation:
        """The one of that name."""
        found = self._named.pop(name[:LONGEST_NAME], None) or Conversation()
        self._named[name[:LONGEST_NAME]] = found
        while len(self._named) > _REMEMBERED:
            self._named.popitem(last=False)
        return found
