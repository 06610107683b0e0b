"""A network path in virtual time: so many bits a second, so long a way, a queue that takes whatever is put in."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable

__all__ = ["SlowPath", "VirtualTime"]


class VirtualTime:
    """Runs callbacks at their times, at once."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._order = itertools.count()
        self._events: list[tuple[float, int, Callable[[], None]]] = []

    def at(self, when_s: float, callback: Callable[[], None]) -> None:
        """Call back at ``when_s``."""
        heapq.heappush(self._events, (when_s, next(self._order), callback))

    def run(self, until_s: float) -> None:
        """Let the time pass."""
        while self._events and self._events[0][0] <= until_s:
            self.now_s, _, callback = heapq.heappop(self._events)
            callback()
        self.now_s = until_s


class SlowPath:
    """One direction of a path; ``rate_bps`` may be changed at any time."""

    def __init__(self, time: VirtualTime, rate_bps: float, way_s: float) -> None:
        self.rate_bps = rate_bps
        self._time = time
        self._way_s = way_s
        self._free_s = 0.0

    def send(self, size: int, arrived: Callable[[], None]) -> None:
        """``arrived`` is called when the last of ``size`` bytes is there."""
        self._free_s = max(self._free_s, self._time.now_s) + 8 * size / self.rate_bps
        self._time.at(self._free_s + self._way_s, arrived)

    def stall(self, until_s: float) -> None:
        """Nothing passes before ``until_s``."""
        self._free_s = max(self._free_s, until_s)
