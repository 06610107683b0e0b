"""How much of one video stream may be on its way: asked before a picture is encoded, so that what does not fit is
dropped there, and no picture ever refers to one that was not sent.

The law: at most ``FRAMES`` pictures are unacknowledged, or as many as were sent in the last ``WINDOW_S`` seconds.
Where the way itself takes longer than that, the window is as long as the way.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

__all__ = ["FRAMES", "WINDOW_S", "Acknowledged", "SendWindow"]

FRAMES = 3
WINDOW_S = 0.25
_WAY_MARGIN_S = 0.1
_MEMORY_S = 10.0  # the way's own delay is the least of so long


class Acknowledged(NamedTuple):
    """What a report told: the round trip of its packet, how much longer than the least that is, the bytes it freed."""

    rtt_s: float
    queued_s: float
    freed_bytes: int


class _Sent(NamedTuple):
    sequence: int
    at_s: float
    size: int


class SendWindow:
    """The pictures of one stream that were sent and not acknowledged. Times are seconds of any steady clock."""

    def __init__(self, *, frames: int = FRAMES, window_s: float = WINDOW_S) -> None:
        self.refused = 0  # pictures that were dropped before they were encoded
        self.rtt_s: float | None = None
        self._frames = frames
        self._window_s = window_s
        self._sequence = 0
        self._flight: deque[_Sent] = deque()
        self._least: deque[tuple[float, float]] = deque()  # (when, round trip), growing

    @property
    def least_rtt_s(self) -> float | None:
        """The smallest round trip of the last seconds."""
        return self._least[0][1] if self._least else None

    @property
    def in_flight(self) -> int:
        """Pictures that are not acknowledged."""
        return len(self._flight)

    @property
    def in_flight_bytes(self) -> int:
        """Bytes that are not acknowledged."""
        return sum(sent.size for sent in self._flight)

    def has_room(self, now_s: float) -> bool:
        """Whether one more picture may be encoded now; a refusal is counted."""
        if len(self._flight) < self._frames:
            return True
        window_s = max(self._window_s, (self.least_rtt_s or 0.0) + _WAY_MARGIN_S)
        if now_s - self._flight[0].at_s < window_s:
            return True
        self.refused += 1
        return False

    def sent(self, now_s: float, size: int) -> int:
        """A picture of ``size`` bytes goes out; its sequence."""
        self._sequence += 1
        self._flight.append(_Sent(self._sequence, now_s, size))
        return self._sequence

    def acknowledge(self, sequence: int, now_s: float) -> Acknowledged | None:
        """The receiver is done with everything up to ``sequence``; None when that is no news."""
        newest, freed = None, 0
        while self._flight and self._flight[0].sequence <= sequence:
            newest = self._flight.popleft()
            freed += newest.size
        if newest is None:
            return None
        self.rtt_s = now_s - newest.at_s
        self._remember(self.rtt_s, now_s)
        return Acknowledged(self.rtt_s, self.rtt_s - self._least[0][1], freed)

    def _remember(self, rtt_s: float, now_s: float) -> None:
        while self._least and self._least[-1][1] >= rtt_s:
            self._least.pop()
        self._least.append((now_s, rtt_s))
        while self._least[0][0] < now_s - _MEMORY_S:
            self._least.popleft()
