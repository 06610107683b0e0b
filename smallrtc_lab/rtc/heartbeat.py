"""Noticing that a client is gone: its pings stop.

ICE consent (RFC 7675) needs about 30 s for that. The client sends a ping a second: after ``lost_after_s``
without one it is lost, and it may come back; after ``dead_after_s`` it is given up.
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Callable

__all__ = ["Heartbeat", "Pulse"]


class Pulse(enum.Enum):
    """What the pings tell: none came yet, they come, they stopped, they stopped for good."""

    UNKNOWN = "unknown"
    ALIVE = "alive"
    LOST = "lost"
    DEAD = "dead"


class Heartbeat:
    """Watches pings with one timer; ``on_change(pulse)`` is called on the loop when the pulse changes.

    Watching begins with the first ping, for a client need not send any.
    """

    def __init__(
        self, on_change: Callable[[Pulse], None], *, lost_after_s: float = 3.0, dead_after_s: float = 6.0
    ) -> None:
        self._on_change = on_change
        self._lost_after_s = lost_after_s
        self._dead_after_s = dead_after_s
        self._last_s = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self.pulse = Pulse.UNKNOWN

    def beat(self) -> None:
        """A ping came."""
        loop = asyncio.get_running_loop()
        self._last_s = loop.time()
        if self.pulse in (Pulse.UNKNOWN, Pulse.LOST):
            self._change(Pulse.ALIVE)
        if self._timer is None and self.pulse is Pulse.ALIVE:
            self._timer = loop.call_later(self._lost_after_s, self._check)

    def stop(self) -> None:
        """Watch no more."""
        self.pulse = Pulse.DEAD
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _check(self) -> None:
        # One timer a few seconds, moved on when it fires, instead of one a ping.
        self._timer = None
        loop = asyncio.get_running_loop()
        silent_s = loop.time() - self._last_s
        if silent_s >= self._dead_after_s:
            self._change(Pulse.DEAD)
            return
        if silent_s >= self._lost_after_s and self.pulse is Pulse.ALIVE:
            self._change(Pulse.LOST)
        if self.pulse is not Pulse.DEAD:
            limit_s = self._dead_after_s if self.pulse is Pulse.LOST else self._lost_after_s
            self._timer = loop.call_later(max(0.01, limit_s - silent_s), self._check)

    def _change(self, pulse: Pulse) -> None:
        self.pulse = pulse
        self._on_change(pulse)
