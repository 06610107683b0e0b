"""When an engine that crashed is started again: at once, then later and later, and in the end only when asked."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Restart", "Restarts"]

_DELAYS_S = (0.0, 0.0, 10.0, 20.0, 40.0)
_FORGIVEN_AFTER_S = 60.0


@dataclass(frozen=True)
class Restart:
    """What follows a crash; ``delay_s`` None: nothing, until somebody asks. ``next_step`` says so to the person."""

    delay_s: float | None
    next_step: str

    @property
    def at_once(self) -> bool:
        """Whether the next engine starts without a pause."""
        return self.delay_s == 0.0


class Restarts:
    """Counts the crashes in a row. An engine that ran for a minute is forgiven what was before."""

    def __init__(self) -> None:
        self._crashes = 0

    def crashed(self, lived_s: float) -> Restart:
        """An engine ended unexpectedly after so many seconds."""
        self._crashes = 1 if lived_s > _FORGIVEN_AFTER_S else self._crashes + 1
        if self._crashes > len(_DELAYS_S):
            often = f"It ended {self._crashes} times in a row and is not started again by itself"
            return Restart(None, f"{often}; lab.start() tries once more.")
        delay_s = _DELAYS_S[self._crashes - 1]
        if delay_s == 0.0:
            return Restart(delay_s, "It is started again by itself.")
        often = f"It ended {self._crashes} times in a row and is started again in {delay_s:.0f} s"
        return Restart(delay_s, f"{often}; lab.start() does so at once.")

    def forgive(self) -> None:
        """Count anew."""
        self._crashes = 0
