"""How much work a session sheds to hold its delay: a law without I/O, fed with measurements.

What is shed, one step after the other and the dearest last: plots are drawn more rarely, then pictures are asked for
smaller, then fewer of them. Sound is never touched. A step is taken when the limit was missed for ``PATIENCE_S``, and
its effect is awaited. It is taken back when all was well for a while; each time that brings the trouble back, the
next while is twice as long, so that nothing swings to and fro.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

__all__ = ["LEVELS", "Budget", "Level", "Measurement"]

PATIENCE_S = 1.0  # a single late picture is none of its business
EFFECT_S = 2.0  # a browser needs a second to send smaller pictures, and what was on its way comes first
REST_S = 10.0
LONGEST_REST_S = 160.0
RELAXED = 0.6  # of the limit: below it there is room for more work
FULL = 0.95  # of the processors that may be used


class Measurement(NamedTuple):
    """``delay_s``: capture → function, as it was lately; None when nothing came.

    ``cpu``: the share of the processors that this machine or container may use, 0 to 1; None where nobody looks.
    """

    delay_s: float | None
    cpu: float | None = None


@dataclass(frozen=True)
class Level:
    """What is left of the work: factors of the plots' rate, of the pictures' width and height, and of their rate."""

    plot_rate_factor: float = 1.0
    scale: float = 1.0
    rate_factor: float = 1.0


LEVELS = (
    Level(),
    Level(0.5),
    Level(0.25),
    Level(0.25, 0.75),
    Level(0.25, 0.5),
    Level(0.25, 0.5, 2 / 3),
    Level(0.25, 0.5, 1 / 2),
    Level(0.25, 0.5, 1 / 3),
)


class Budget:
    """Of one session; with ``limit_s`` None nothing is ever shed."""

    def __init__(self, limit_s: float | None = None, *, frame_rate: float = 30.0) -> None:
        self.limit_s = limit_s
        self.frame_rate = frame_rate  # that was asked of the browser
        self._at = 0
        self._delay_s: float | None = None
        self._missed_since_s: float | None = None
        self._well_since_s: float | None = None
        self._changed_s = float("-inf")
        self._rest_s = REST_S  # what holds now
        self._eased_s = float("-inf")

    @property
    def level(self) -> Level:
        """What is left of the work now."""
        return LEVELS[self._at]

    @property
    def plot_rate_factor(self) -> float:
        """So much more rarely plots are drawn: 1.0, or less."""
        return self.level.plot_rate_factor

    @property
    def max_frame_rate(self) -> float | None:
        """So many pictures a second are asked of the browser; None: as many as it sends."""
        factor = self.level.rate_factor
        return None if factor == 1.0 else round(self.frame_rate * factor, 1)

    def measure(self, measured: Measurement, now_s: float) -> bool:
        """Take a measurement at ``now_s`` of any clock, twice a second or so; whether the level changed."""
        if self.limit_s is None or (measured.delay_s is None and measured.cpu is None):
            return False
        self._delay_s = measured.delay_s
        load = max((measured.delay_s or 0.0) / self.limit_s, (measured.cpu or 0.0) / FULL)
        self._missed_since_s = _since(load > 1.0, self._missed_since_s, now_s)
        self._well_since_s = _since(load < RELAXED, self._well_since_s, now_s)
        if self._must_shed(now_s):
            return self._go(self._at + 1, now_s)
        if self._may_ease(now_s):
            self._eased_s = now_s
            return self._go(self._at - 1, now_s)
        return False

    def says(self) -> str:
        """What is shed, as a sentence; empty while nothing is."""
        if self.limit_s is None or not self._at:
            return ""
        level, rate_hz = self.level, self.max_frame_rate
        plots = f"plots at {level.plot_rate_factor:.0%} of their rate"
        if level.scale == 1.0:
            return f"Drawing {plots}, to hold {self.limit_s:g} s."
        pictures = "pictures" if rate_hz is None else f"{rate_hz:g} pictures/s"
        return f"Showing {pictures} at {level.scale:.0%} of their size, {plots}, to hold {self.limit_s:g} s."

    def describe(self) -> dict[str, Any] | None:
        """For ``lab.stats()``; None without a limit."""
        if self.limit_s is None:
            return None
        return {
            "limit_s": self.limit_s,
            "delay_s": self._delay_s,
            "level": self._at,
            **asdict(self.level),
            "max_frame_rate": self.max_frame_rate,
            "says": self.says(),
        }

    def _must_shed(self, now_s: float) -> bool:
        missed_s = 0.0 if self._missed_since_s is None else now_s - self._missed_since_s
        waited = now_s - self._changed_s >= EFFECT_S
        return self._at < len(LEVELS) - 1 and missed_s >= PATIENCE_S and waited

    def _may_ease(self, now_s: float) -> bool:
        well_s = 0.0 if self._well_since_s is None else now_s - self._well_since_s
        return self._at > 0 and well_s >= self._rest_s

    def _go(self, at: int, now_s: float) -> bool:
        if at > self._at:
            relapsed = now_s - self._eased_s < self._rest_s
            self._rest_s = min(2 * self._rest_s, LONGEST_REST_S) if relapsed else self._rest_s
        elif at == 0:
            self._rest_s = max(REST_S, self._rest_s / 2)
        self._at, self._changed_s = at, now_s
        self._missed_since_s = self._well_since_s = None
        return True


def _since(holds: bool, since_s: float | None, now_s: float) -> float | None:
    return None if not holds else now_s if since_s is None else since_s
