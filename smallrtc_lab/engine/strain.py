"""Whether the processors are full, and whether media suffer from it.

*Full*: ``FULL`` of what may be used is used, or the quota of a container ran out in ``THROTTLED`` of its periods, or
this process alone fills the one processor that an interpreter can. *Suffering*: the media loop comes ``LATE_S`` too
late to its turn, or ``SKIPPED`` of the pictures were left out because decoding, handing over or encoding could not keep
up. What became of them on the way, or of functions in the kernel, does not count: more processors would not mend it.
"""

from __future__ import annotations

import time
from typing import NamedTuple

from smallrtc_lab.processors.meter import ProcessorMeter

from .lateness import LoopLateness

__all__ = ["Strain", "StrainGauge"]

FULL = 0.95  # of the processors that may be used
THROTTLED = 0.25
LATE_S = 0.04  # another packet of sound waits behind the first two
SKIPPED = 0.25


class Strain(NamedTuple):
    """The processors, and what media make of them: of the last half second, or second.

    ``used``: the share of the ``allowed`` processors that was busy, None while unknown. ``throttled``: the share of a
    quota's periods in which it ran out. ``own``: processors that this process used. ``late_s``: how late the media
    loop came to its turn, None while unknown. ``skipped``: the share of pictures that were left out here.
    """

    allowed: float = 1.0
    used: float | None = None
    throttled: float = 0.0
    own: float = 0.0
    late_s: float | None = None
    skipped: float = 0.0

    @property
    def full(self) -> bool:
        """Whether no processor is left for more work."""
        return (self.used or 0.0) >= FULL or self.throttled >= THROTTLED or self.own >= FULL

    @property
    def suffering(self) -> float:
        """How much media suffer; more than 1 is too much."""
        return max((self.late_s or 0.0) / LATE_S, self.skipped / SKIPPED)

    @property
    def because(self) -> str:
        """Why work is shed, as the end of a sentence."""
        if (self.used or 0.0) < FULL and self.throttled < THROTTLED:
            return "because one processor is full, and decoding and drawing can use no other"
        if self.allowed == 1:
            return "because the one processor here is full"
        return f"because the {self.allowed:g} processors here are full"


class StrainGauge:
    """Of one session, read twice a second on the media loop while it has a connection."""

    def __init__(self) -> None:
        self._meter = ProcessorMeter()
        self._lateness = LoopLateness()
        self._own = (time.monotonic(), time.process_time())
        self._pictures = (0, 0)

    def read(self, came: int, skipped: int) -> Strain:
        """``came`` and ``skipped`` pictures since there is this connection, or session; both only grow."""
        load = self._meter.read()
        return Strain(
            load.allowed,
            load.used,
            load.throttled,
            self._own_processors(),
            self._lateness.take(),
            self._share(came, skipped),
        )

    def stop(self) -> None:
        """Nothing is measured until the next reading."""
        self._lateness.stop()

    def _own_processors(self) -> float:
        then_s, used_s = self._own
        self._own = now_s, now_used_s = time.monotonic(), time.process_time()
        return (now_used_s - used_s) / max(now_s - then_s, 1e-3)

    def _share(self, came: int, skipped: int) -> float:
        before, self._pictures = self._pictures, (came, skipped)
        new, lost = (now - then for now, then in zip(self._pictures, before, strict=True))
        return min(1.0, lost / max(1, new)) if lost > 0 and new >= 0 else 0.0
