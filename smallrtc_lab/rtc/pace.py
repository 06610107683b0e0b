"""How often something may come: at most so many times a second, without turning 20 of 30 pictures into 15."""

from __future__ import annotations

__all__ = ["Pace"]

_TOLERANCE = 0.1  # of an interval: pictures at exactly the rate asked for jitter around it


class Pace:
    """``rate_hz`` None lets everything through. Times are seconds of any clock that does not run backwards."""

    def __init__(self, rate_hz: float | None) -> None:
        self._interval_s = 0.0 if rate_hz is None else 1.0 / rate_hz
        self._next_s = float("-inf")

    def early_s(self, now_s: float) -> float:
        """How long the next one has to wait yet; 0 when it may come now."""
        return max(0.0, self._next_s - _TOLERANCE * self._interval_s - now_s)

    def take(self, now_s: float) -> None:
        """One came; the next is due an interval after this one was due, not after it came."""
        on_time = self._next_s > now_s - self._interval_s
        self._next_s = (self._next_s if on_time else now_s) + self._interval_s

    def due(self, now_s: float) -> bool:
        """Whether one may come now; if so it is taken."""
        if self.early_s(now_s) > 0.0:
            return False
        self.take(now_s)
        return True
