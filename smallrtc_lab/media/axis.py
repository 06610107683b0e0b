"""The time of each sample of a stream that is addressed by counting samples.

Positions count the sender's samples, which the sender's crystal paces; times are ours. Between two positions the
time differs by what the two clocks differ by, and by what is learnt later about when sound was recorded. So
time = position / rate + shift, and the shift changes, slowly and seldom.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque

from smallrtc_lab.frames import TimeKind

__all__ = ["SampleAxis"]

# What is less is left as it is: blocks follow each other exactly, but for a moment now and then. Arrivals are vague.
_LEAST_S: dict[TimeKind, float] = {"capture": 0.005, "arrival": 0.04}
_DONE_S = 0.0005
_SLEW = 0.1  # seconds a second


class SampleAxis:
    """Times for positions: never backwards, exactly ``1 / rate`` apart nearly always. Belongs to one thread."""

    def __init__(self, rate: int, shift_s: float = 0.0) -> None:
        self.shift_s = shift_s  # of what comes next
        self.kind: TimeKind = "arrival"  # what the newest times are
        self._rate = rate
        self._moving = False
        self._shifts: deque[tuple[int, float]] = deque([(0, shift_s)])  # valid from a position on

    def follow(self, position: int, count: int, time_s: float, kind: TimeKind) -> None:
        """``count`` samples come; the one at ``position``, at ``time_s`` by the stream's clock, is their first.

        The shift of these samples is constant, so a correction of theirs begins with the next.
        """
        missing_s = time_s - position / self._rate - self.shift_s
        self._moving = abs(missing_s) > (_DONE_S if self._moving else _LEAST_S[kind])
        if not self._moving or kind == "arrival":
            self.kind = kind
        if not self._moving:
            return
        most_s = _SLEW * count / self._rate
        self.shift_s += min(max(missing_s, -most_s), most_s)
        self._shifts.append((position + count, self.shift_s))

    def shift_at(self, position: float) -> float:
        """What to add to ``position / rate`` to have the time of that sample, in seconds."""
        index = bisect_right(self._shifts, position, key=lambda known: known[0])
        return self._shifts[max(0, index - 1)][1]

    def time_s(self, position: float) -> float:
        """The time of the sample at ``position`` in seconds of the session."""
        return position / self._rate + self.shift_at(position)

    def copy(self) -> SampleAxis:
        """The times as they are known now, for another thread; it does not follow."""
        other = SampleAxis(self._rate)
        other.shift_s, other.kind, other._shifts = self.shift_s, self.kind, self._shifts.copy()
        return other

    def shifts_between(self, first: int, last: int) -> tuple[tuple[int, float], ...]:
        """The shift at ``first`` and each that begins after it and before ``last``, as (position, seconds)."""
        later = (known for known in self._shifts if first < known[0] < last)
        return ((first, self.shift_at(first)), *later)

    def forget(self, position: int) -> None:
        """Nobody will ask for what lies before ``position``."""
        while len(self._shifts) > 1 and self._shifts[1][0] <= position:
            self._shifts.popleft()
