"""Which lost packets of a stream are asked for again, and when (generic NACK, RFC 4585 section 6.2.1).

aiortc 1.16 asks, for pictures, when it notices a loss, and for what is still missing only when it notices the next
one: a request or a retransmission that is lost itself costs the picture. Here what is missing is asked for again and
again, as long as it is of use. Senders leave out what they sent less than a round trip ago, so asking too often costs
a few bytes.
Pure: no clock, no socket.
"""

from __future__ import annotations

from dataclasses import dataclass

from .jitter import MAX_GAP_S, SequenceUnwrapper

__all__ = ["MissingPackets"]

AGAIN_S = 0.1
REMEMBERED = 128  # packets, as in aiortc's history: what is older, a sender no longer has


@dataclass(slots=True)
class _Missing:
    noticed_s: float
    asked_s: float


class MissingPackets:
    """The packets of one stream that did not come yet, by their extended numbers."""

    def __init__(self, *, again_s: float = AGAIN_S, for_s: float = MAX_GAP_S) -> None:
        self._again_s = again_s
        self._for_s = for_s
        self._sequence = SequenceUnwrapper()
        self._newest: int | None = None
        self._missing: dict[int, _Missing] = {}

    def add(self, sequence_number: int, now_s: float) -> list[int]:
        """A packet came; 16-bit numbers of those to be asked for now, oldest first."""
        number = self._sequence.unwrap(sequence_number)
        self._missing.pop(number, None)
        if self._newest is None:
            self._newest = number
        first = max(self._newest + 1, number - REMEMBERED)
        for skipped in range(first, number):
            self._missing[skipped] = _Missing(now_s, float("-inf"))
        self._newest = max(self._newest, number)
        self._forget(now_s)
        due = [one for one, missing in self._missing.items() if now_s - missing.asked_s >= self._again_s]
        for one in due:
            self._missing[one].asked_s = now_s
        return [one % 0x10000 for one in due]

    def _forget(self, now_s: float) -> None:
        assert self._newest is not None
        oldest = self._newest - REMEMBERED
        for number, missing in list(self._missing.items()):
            if number < oldest or now_s - missing.noticed_s > self._for_s:
                del self._missing[number]
