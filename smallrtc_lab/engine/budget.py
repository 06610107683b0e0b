"""How much work a session sheds, and when: a law without I/O, fed with measurements twice a second.

**What** is shed, one step after the other and the dearest last: plots are drawn more rarely, then pictures are asked
for smaller, then fewer of them. Sound is never touched. Steps that would change nothing, for there are no plots, are
left out.

**When**, for either of two reasons:

- ``Lab(max_delay_s=)``: pictures are later than that for ``PATIENCE_S``.
- The processors are *full*, and media *suffer* from it, on the whole for ``FULL_PATIENCE_S``: ``strain.py`` says what
  that is. It is smoothed, for starved media suffer now more and now less. Before a picture is touched it is
  ``PICTURES_PATIENCE_S``.

Neither is enough alone. A cell that computes fills a container of one processor and yet takes nothing from media:
the system gives the engine its turn within a millisecond, and nothing must be shed. Media that suffer while there are
processors left do so on the way, and other laws mend that (``relay/bitrate.py``). Delays of functions in the kernel
are no measure either: the person's own cell makes them.

**Back** it comes one step at a time, when all was well for a while, also while a cell still fills the processors; each
time that brings the trouble back, the next while is twice as long, so that nothing swings to and fro.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from .strain import Strain

__all__ = ["LEVELS", "Budget", "Level", "Measurement"]

PATIENCE_S = 1.0  # a single late picture is none of its business
FULL_PATIENCE_S = 5.0  # nor is the start of a program, or a cell that imports half the world
SMOOTH = 0.3  # of a new measurement
PICTURES_PATIENCE_S = 10.0  # whoever computes with pictures counts on their size
MUCH = 3.0  # no single one counts for more than that
EFFECT_S = 2.0  # a browser needs a second to send smaller pictures, and what was on its way comes first
REST_S = 10.0
LONGEST_REST_S = 160.0
RELAXED = 0.6  # of the limit: below it there is room for more work


class Measurement(NamedTuple):
    """``delay_s``: capture → function, as it was lately; None when nothing came. ``strain`` None: nobody looked."""

    delay_s: float | None = None
    strain: Strain | None = None


@dataclass(frozen=True)
class Level:
    """What is left of the work: factors of the plots' rate, of the pictures' width and height, and of their rate."""

    plot_rate_factor: float = 1.0
    scale: float = 1.0
    rate_factor: float = 1.0

    @property
    def asked(self) -> tuple[float, float]:
        """What of it is asked of the browser."""
        return self.scale, self.rate_factor


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
    """Of one session; with ``limit_s`` None only full processors shed anything."""

    def __init__(self, limit_s: float | None = None, *, frame_rate: float = 30.0) -> None:
        self.limit_s = limit_s
        self.frame_rate = frame_rate  # that was asked of the browser
        self.plots = True  # whether there are any to draw more rarely
        self._at = 0
        self._last = Measurement()
        self._because = ""
        self._strained = 0.0  # how much media suffer from full processors, smoothed; 1 is too much
        self._missed_since_s: float | None = None
        self._full_since_s: float | None = None
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
        late, strained = self._loads(measured)
        if late is None and strained is None:
            return False
        self._last = measured
        self._missed_since_s = _since((late or 0.0) > 1.0, self._missed_since_s, now_s)
        self._strained += SMOOTH * (min(MUCH, strained or 0.0) - self._strained)
        self._full_since_s = _since(self._strained > 1.0, self._full_since_s, now_s)
        known = self.limit_s is None or late is not None
        well = known and max(late or 0.0, self._strained) < RELAXED
        self._well_since_s = _since(well, self._well_since_s, now_s)
        if self._must_shed(now_s):
            return self._go(self._next(+1), now_s)
        if self._may_ease(now_s):
            self._eased_s = now_s
            return self._go(self._next(-1), now_s)
        return False

    def says(self) -> str:
        """What is shed and why, as a sentence; empty while nothing is."""
        level, rate_hz = self.level, self.max_frame_rate
        said = []
        if level.asked != (1.0, 1.0):
            pictures = "pictures" if rate_hz is None else f"{rate_hz:g} pictures/s"
            said.append(f"{pictures} at {level.scale:.0%} of their size")
        if self._at and self.plots:
            said.append(f"plots at {level.plot_rate_factor:.0%} of their rate")
        if not said:
            return ""
        return (
            f"{'Drawing' if len(said) == 1 and self.plots else 'Showing'} {', '.join(said)}, {self._because}."
        )

    def describe(self) -> dict[str, Any]:
        """For ``lab.stats()``."""
        strain = self._last.strain or Strain()
        return {
            "limit_s": self.limit_s,
            "delay_s": self._last.delay_s,
            "level": self._at,
            **asdict(self.level),
            "max_frame_rate": self.max_frame_rate,
            "says": self.says(),
            "processors": strain.allowed,
            "processors_used": strain.used,
            "throttled": strain.throttled,
            "late_ms": None if strain.late_s is None else round(1000 * strain.late_s, 1),
            "skipped": strain.skipped,
        }

    def _loads(self, measured: Measurement) -> tuple[float | None, float | None]:
        """The delay and what media suffer from full processors, 1 being too much; None where it is not known."""
        late = None if self.limit_s is None or measured.delay_s is None else measured.delay_s / self.limit_s
        strain = measured.strain
        if strain is None or (strain.used is None and strain.late_s is None):
            return late, None
        return late, strain.suffering if strain.full else 0.0

    def _must_shed(self, now_s: float) -> bool:
        if self._at == len(LEVELS) - 1 or now_s - self._changed_s < EFFECT_S:
            return False
        if _for_s(self._missed_since_s, now_s) >= PATIENCE_S:
            self._because = f"to hold {self.limit_s:g} s"
            return True
        if _for_s(self._full_since_s, now_s) >= self._full_patience_s:
            self._because = (self._last.strain or Strain()).because
            return True
        return False

    @property
    def _full_patience_s(self) -> float:
        before, after = self.level.asked, LEVELS[self._next(+1)].asked
        if before == (1.0, 1.0) != after:
            return PICTURES_PATIENCE_S
        return PATIENCE_S if self._at else FULL_PATIENCE_S

    def _may_ease(self, now_s: float) -> bool:
        return self._at > 0 and _for_s(self._well_since_s, now_s) >= self._rest_s

    def _next(self, step: int) -> int:
        """The next level that differs in something there is."""
        at = self._at + step
        if not self.plots and step > 0:
            while at < len(LEVELS) - 1 and LEVELS[at].asked == self.level.asked:
                at += 1
        elif not self.plots:
            while at > 0 and LEVELS[at].asked == LEVELS[at - 1].asked:
                at -= 1
        return at

    def _go(self, at: int, now_s: float) -> bool:
        if at > self._at:
            relapsed = now_s - self._eased_s < self._rest_s
            self._rest_s = min(2 * self._rest_s, LONGEST_REST_S) if relapsed else self._rest_s
        elif at == 0:
            self._rest_s = max(REST_S, self._rest_s / 2)
        self._at, self._changed_s = at, now_s
        self._missed_since_s = self._full_since_s = self._well_since_s = None
        return True


def _for_s(since_s: float | None, now_s: float) -> float:
    return 0.0 if since_s is None else now_s - since_s


def _since(holds: bool, since_s: float | None, now_s: float) -> float | None:
    return None if not holds else now_s if since_s is None else since_s
