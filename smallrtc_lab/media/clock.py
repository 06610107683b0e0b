"""One clock for everything: seconds since the session began.

A stream's timestamps (pts) count evenly but from anywhere, and its sender's crystal differs from ours by
some parts in a million; arrival times are ours, but late by a varying delay. The smallest arrival − pts of
the last seconds is the packet that was delayed least, so it tells the offset between the two (the idea of
the minimum filter in RFC 5905, section 10, and of WebRTC's own clock estimation).
"""

from __future__ import annotations

import time
from collections import deque
from fractions import Fraction

__all__ = ["SessionClock", "StreamClock"]

_SMALLEST_STEP_S = 1e-6


class SessionClock:
    """Seconds since the session began, ``origin_monotonic_s`` on :func:`time.monotonic`'s clock."""

    def __init__(self, origin_monotonic_s: float) -> None:
        self.origin_monotonic_s = origin_monotonic_s

    def now_s(self) -> float:
        """The session time now."""
        return time.monotonic() - self.origin_monotonic_s

    def to_session(self, monotonic_s: float) -> float:
        """The session time of a moment on :func:`time.monotonic`'s clock."""
        return monotonic_s - self.origin_monotonic_s


class StreamClock:
    """Session times for the frames of one stream: as even as its pts, strictly growing, never after arrival.

    The offset is the smallest of the last ``window_s`` seconds. It falls at once, which cannot turn time back,
    for the frame that makes it fall gets its own arrival as its time; it rises, after drift or a longer route,
    by at most ``slew`` seconds a second. A pts that goes back, or is off by more than ``jump_s``, begins anew.
    Belongs to one thread.
    """

    def __init__(self, *, window_s: float = 10.0, jump_s: float = 1.0, slew: float = 0.05) -> None:
        self.resets = 0
        self._window_s = window_s
        self._jump_s = jump_s
        self._slew = slew
        # (arrival, offset) with growing offsets: the first is the smallest of the window.
        self._offsets: deque[tuple[float, float]] = deque()
        self._offset_s = 0.0
        self._pts_s = float("-inf")
        self._arrival_s = 0.0
        self._last_s = float("-inf")

    def map(self, pts: int, time_base: Fraction, arrival_s: float) -> float:
        """The session time in seconds of a frame with this ``pts`` that arrived at session time ``arrival_s``."""
        pts_s = pts * time_base.numerator / time_base.denominator
        offset_s = arrival_s - pts_s
        if pts_s < self._pts_s or abs(offset_s - self._offset_s) > self._jump_s or not self._offsets:
            self._begin(offset_s)
        self._follow(offset_s, arrival_s)
        self._pts_s = pts_s
        self._last_s = max(pts_s + self._offset_s, self._last_s + _SMALLEST_STEP_S)
        return self._last_s

    def _begin(self, offset_s: float) -> None:
        self.resets += bool(self._offsets)
        self._offsets.clear()
        self._offset_s = offset_s

    def _follow(self, offset_s: float, arrival_s: float) -> None:
        offsets = self._offsets
        while offsets and offsets[-1][1] >= offset_s:
            offsets.pop()
        offsets.append((arrival_s, offset_s))
        while offsets[0][0] < arrival_s - self._window_s:
            offsets.popleft()
        rise_s = self._slew * max(0.0, arrival_s - self._arrival_s)
        self._offset_s = min(offsets[0][1], self._offset_s + rise_s)
        self._arrival_s = arrival_s
