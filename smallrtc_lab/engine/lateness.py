"""How late the media loop comes to its turn: what short processors do to media, before anything is lost."""

from __future__ import annotations

import asyncio

import numpy as np

__all__ = ["LoopLateness"]

TICK_S = 0.02  # one packet of sound
UNREAD_S = 3.0  # nobody asks any more: it stops by itself


class LoopLateness:
    """A tick each 20 ms while somebody asks; on a running loop, which it keeps busy for a thousandth of its time."""

    def __init__(self) -> None:
        self._late_s: list[float] = []
        self._timer: asyncio.TimerHandle | None = None
        self._asked_s = 0.0

    @property
    def ticking(self) -> bool:
        """Whether it measures."""
        return self._timer is not None

    def take(self) -> float | None:
        """How late nine of ten ticks came at most since the last call, in seconds; None of less than five."""
        loop = asyncio.get_running_loop()
        self._asked_s = loop.time()
        if self._timer is None:
            self._next(loop)
        late_s, self._late_s = self._late_s, []
        return float(np.quantile(late_s, 0.9)) if len(late_s) >= 5 else None

    def stop(self) -> None:
        """No more ticks, until it is asked again."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        self._late_s.clear()

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        due_s = loop.time() + TICK_S
        self._timer = loop.call_at(due_s, self._tick, loop, due_s)

    def _tick(self, loop: asyncio.AbstractEventLoop, due_s: float) -> None:
        now_s = loop.time()
        self._late_s.append(max(0.0, now_s - due_s))
        if now_s - self._asked_s > UNREAD_S:
            self.stop()
        else:
            self._next(loop)
