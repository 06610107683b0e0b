"""An axis that follows what it shows, without trembling."""

from __future__ import annotations

import math

__all__ = ["Scale", "nice_above"]

_STEPS = (1.0, 2.0, 5.0, 10.0)
_PATIENCE_S = 2.0  # so long something smaller must go on before the axis follows


def nice_above(value: float) -> float:
    """The smallest of …, 0.1, 0.2, 0.5, 1, 2, 5, 10, … that is not below ``value``, which is positive."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (*_STEPS, 20.0) if step * power >= value * (1 - 1e-9))


class Scale:
    """The end of an axis: grows at once, shrinks when everything was smaller for two seconds."""

    def __init__(self, least: float, most: float = math.inf) -> None:
        self.value = least
        self._least = least
        self._most = most
        self._wanted = least  # the largest that was needed since _since_s
        self._since_s = -math.inf

    def follow(self, peak: float, time_s: float) -> None:
        """The largest of what is shown at ``time_s``; NaN counts as nothing."""
        peak = peak if peak > self._least else self._least
        needed = min(self._most, max(self._least, nice_above(peak)))
        if needed >= self.value or time_s < self._since_s:
            self.value = max(needed, self.value) if time_s >= self._since_s else needed
            self._wanted, self._since_s = self._least, time_s
            return
        self._wanted = max(self._wanted, needed)
        if time_s - self._since_s >= _PATIENCE_S:
            self.value, self._wanted, self._since_s = self._wanted, self._least, time_s
