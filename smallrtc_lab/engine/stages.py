"""How long each stage takes on the way from the camera to a person's function and back, over the last items."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

__all__ = ["Delivered", "Spread", "Stages", "median"]

_KEPT = 300  # ten seconds of pictures


class Spread:
    """The last 300 values of one stage, in milliseconds."""

    def __init__(self) -> None:
        self._values: deque[float] = deque(maxlen=_KEPT)
        self._fresh: deque[float] = deque(maxlen=_KEPT)

    def add(self, seconds: float) -> None:
        """One item took so long."""
        self._values.append(1000 * seconds)
        self._fresh.append(1000 * seconds)

    def take(self) -> list[float]:
        """The values since the last call."""
        fresh = list(self._fresh)
        self._fresh.clear()
        return fresh

    def summary(self) -> dict[str, float] | None:
        """``median_ms`` and ``p95_ms``; None without any value."""
        if not self._values:
            return None
        middle, high = np.percentile(np.array(self._values), [50, 95])
        return {"median_ms": round(float(middle), 2), "p95_ms": round(float(high), 2)}


class Delivered(NamedTuple):
    """An item that the kernel has: given to it at ``at_s``, ready at ``ready_s`` (both ``time.monotonic``).

    It was ``age_s`` old when it was ready, counted from its capture where that is known, else from its arrival.
    """

    at_s: float
    ready_s: float
    age_s: float


class Stages:
    """Of one subscription: ``hand_over`` (ready → the function begins), ``delay`` (capture → it begins), ``run``."""

    def __init__(self) -> None:
        self.hand_over = Spread()
        self.delay = Spread()
        self.run = Spread()

    def finished(self, item: Delivered, began_s: float, ran_s: float) -> None:
        """The kernel's function began with the item at ``began_s`` of ``time.monotonic`` and took ``ran_s``."""
        self.hand_over.add(began_s - item.ready_s)
        self.delay.add(began_s - item.ready_s + item.age_s)
        self.run.add(ran_s)

    def summary(self) -> dict[str, dict[str, float] | None]:
        """Median and p95 of each."""
        return {name: spread.summary() for name, spread in vars(self).items()}


def median(values: Iterable[float]) -> float | None:
    """The middle one, None of none."""
    known = list(values)
    return float(np.median(known)) if known else None
