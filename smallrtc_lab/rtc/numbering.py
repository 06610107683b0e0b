"""One carrier of a conversation: what is said is numbered and kept, what comes is taken once and acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from smallrtc_lab.conversation import Conversation, MessageText

__all__ = ["Numbering"]

ACKNOWLEDGE_WITHIN_S = 0.05  # an acknowledgement for each of many messages would cost as much as they do
ACKNOWLEDGE_EVERY = 20


class Numbering:
    """``send(message)`` and ``acknowledge(sequence)`` write on the carrier, or do nothing while it is not open.

    Every ``acknowledge_every``-th message is answered at once, any other one soon.
    """

    def __init__(
        self,
        conversation: Conversation,
        send: Callable[[MessageText], None],
        acknowledge: Callable[[int], None],
        *,
        acknowledge_every: int = ACKNOWLEDGE_EVERY,
    ) -> None:
        self.speaking = False  # another carrier of the conversation may be
        self._outbox, self._inbox = conversation.outbox, conversation.inbox
        self._send = send
        self._acknowledge = acknowledge
        self._every = acknowledge_every
        self._timer: asyncio.TimerHandle | None = None
        self._unanswered = 0

    @property
    def waiting(self) -> int:
        """How many messages are not acknowledged."""
        return len(self._outbox)

    @property
    def has_room(self) -> bool:
        """Whether one more message would be kept."""
        return not self._outbox.full

    @property
    def received(self) -> int:
        """The last message that came."""
        return self._inbox.received

    def say(self, text: str) -> bool:
        """Keep a message, and send it if this carrier speaks; False when too many are unacknowledged."""
        message = self._outbox.put(text)
        if message is not None and self.speaking:
            self._send(message)
        return message is not None

    def speak(self) -> None:
        """This one carries from now on, or has just opened: what the other side does not have yet goes first."""
        self.speaking = True
        for message in self._outbox.unacknowledged:
            self._send(message)

    def accept(self, sequence: int) -> bool:
        """A message came: whether it is the next one. It is acknowledged in any case."""
        new = self._inbox.accept(sequence)
        self._unanswered += 1
        if self._unanswered >= self._every:
            self._answer()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(ACKNOWLEDGE_WITHIN_S, self._answer)
        return new

    def acknowledged(self, sequence: int) -> bool:
        """The other side has everything up to there; whether that is news."""
        return self._outbox.acknowledge(sequence)

    def stop(self) -> None:
        """The carrier is gone, the conversation is not."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._unanswered = 0

    def _answer(self) -> None:
        self.stop()
        self._acknowledge(self._inbox.received)
