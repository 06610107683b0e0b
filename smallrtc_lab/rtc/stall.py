"""Noticing that messages are stuck: the client acknowledges nothing of what was sent, although it is there.

SCTP sends what is not acknowledged again for ever (aiortc has no limit), so a path that lets no large
datagram through shows no error anywhere: pictures and sound go on, and every message waits behind the first large one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple

__all__ = ["Progress", "StallWatch"]

STUCK_AFTER_S = 5.0
CHECK_INTERVAL_S = 1.0


class Progress(NamedTuple):
    """``acknowledged`` changes whenever the other side took something; ``waiting`` while something is left."""

    acknowledged: int
    waiting: bool


class StallWatch:
    """Looks once a second while something waits, and not at all otherwise.

    ``read()`` gives the progress, or None while there is no client; ``on_change(stuck)`` is called on the loop when
    messages got stuck, and when they go on.
    """

    def __init__(
        self,
        read: Callable[[], Progress | None],
        on_change: Callable[[bool], None],
        *,
        stuck_after_s: float = STUCK_AFTER_S,
    ) -> None:
        self.stuck = False
        self._read = read
        self._on_change = on_change
        self._stuck_after_s = stuck_after_s
        self._acknowledged: int | None = None
        self._since_s = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def sent(self) -> None:
        """Something was sent: begin to look, unless looking already."""
        if self._timer is None:
            self._acknowledged = None
            self._look_later()

    def stop(self) -> None:
        """Look no more; what was stuck no longer is of interest."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._set(False)

    def _look(self) -> None:
        self._timer = None
        loop = asyncio.get_running_loop()
        progress = self._read()
        if progress is None or not progress.waiting:
            self._set(False)
            return
        if progress.acknowledged != self._acknowledged:
            self._acknowledged, self._since_s = progress.acknowledged, loop.time()
            self._set(False)
        elif loop.time() - self._since_s >= self._stuck_after_s:
            self._set(True)
        self._look_later()

    def _look_later(self) -> None:
        interval_s = min(CHECK_INTERVAL_S, self._stuck_after_s / 2)
        self._timer = asyncio.get_running_loop().call_later(interval_s, self._look)

    def _set(self, stuck: bool) -> None:
        if stuck is not self.stuck:
            self.stuck = stuck
            self._on_change(stuck)
