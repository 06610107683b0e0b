"""How often somebody may do something: a bucket that fills at a steady rate and is emptied by use."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["TokenBucket"]


class TokenBucket:
    """``burst`` uses at once, then ``rate_hz`` a second. ``clock`` gives monotonic seconds."""

    def __init__(self, rate_hz: float, burst: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate_hz = rate_hz
        self.burst = burst
        self._clock = clock
        self._tokens = burst
        self._filled_s = clock()

    def take(self) -> bool:
        """Use one, if there is one."""
        self._fill()
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def borrow(self, count: float = 1) -> float:
        """Use ``count`` in any case; returns the seconds to wait so that the rate is kept, mostly 0."""
        self._fill()
        self._tokens -= count
        return max(0.0, -self._tokens / self.rate_hz)

    def _fill(self) -> None:
        now_s = self._clock()
        self._tokens = min(self.burst, self._tokens + (now_s - self._filled_s) * self.rate_hz)
        self._filled_s = now_s
