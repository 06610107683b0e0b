"""How busy the processors are that may be used here: those of the affinity, and a container's quota."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import psutil

from .quota import ROOT, ControlGroup, Usage, allowed_processors, control_groups, own_processors

__all__ = ["ProcessorLoad", "ProcessorMeter", "busy_seconds"]

WINDOW_S = 1.0
_LEAST_S = 0.2  # processors count in ticks of 10 ms: a shorter look says nothing


class ProcessorLoad(NamedTuple):
    """Of the last second.

    ``allowed`` processors may be used; ``used`` is the share of them that was, by whomever, 0 to 1, or None before a
    fifth of a second has passed. ``throttled`` is the share of periods (0.1 s) in which a quota was used up before
    their end, so that everything here stood still until the next one.
    """

    allowed: float
    used: float | None = None
    throttled: float = 0.0


class _Look(NamedTuple):
    at_s: float
    busy: tuple[float, float]
    usages: tuple[Usage | None, ...]


def busy_seconds() -> tuple[float, float]:
    """How long the processors that this process may run on were busy, and how long they were there, in seconds."""
    own = own_processors()
    busy_s = there_s = 0.0
    for number, times in enumerate(psutil.cpu_times(percpu=True)):
        if own is not None and number not in own:
            continue
        doubled_s = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)  # in user and nice, too
        all_s = sum(times) - doubled_s
        busy_s += all_s - times.idle - getattr(times, "iowait", 0.0)
        there_s += all_s
    return busy_s, there_s


class ProcessorMeter:
    """To be read twice a second or so, from one thread."""

    def __init__(
        self,
        *,
        root: Path = ROOT,
        clock: Callable[[], float] = time.monotonic,
        busy: Callable[[], tuple[float, float]] = busy_seconds,
    ) -> None:
        self._clock = clock
        self._busy = busy
        self._groups: list[ControlGroup] = control_groups(root)
        self._looks: deque[_Look] = deque([self._look()])

    def read(self) -> ProcessorLoad:
        """The load of the time since the look that is about a second old."""
        allowed = allowed_processors(self._groups)  # anew: a running container can be given another quota
        now = self._look()
        while len(self._looks) > 1 and now.at_s - self._looks[1].at_s >= 0.9 * WINDOW_S:
            self._looks.popleft()
        before = self._looks[0]
        if now.at_s - before.at_s < _LEAST_S:
            return ProcessorLoad(allowed)
        self._looks.append(now)
        return ProcessorLoad(allowed, self._used(before, now), _throttled(before, now))

    def _look(self) -> _Look:
        return _Look(self._clock(), self._busy(), tuple(group.usage() for group in self._groups))

    def _used(self, before: _Look, now: _Look) -> float:
        there_s = now.busy[1] - before.busy[1]
        shares = [(now.busy[0] - before.busy[0]) / there_s if there_s > 0 else 0.0]
        for group, then, later in zip(self._groups, before.usages, now.usages, strict=True):
            quota = group.quota
            if quota is None or then is None or later is None or then.used_s is None or later.used_s is None:
                continue
            shares.append((later.used_s - then.used_s) / (quota * (now.at_s - before.at_s)))
        return min(1.0, max(0.0, *shares, 0.0))


def _throttled(before: _Look, now: _Look) -> float:
    shares = [
        (later.throttled - then.throttled) / (later.periods - then.periods)
        for then, later in zip(before.usages, now.usages, strict=True)
        if then is not None and later is not None and later.periods > then.periods
    ]
    return max(shares, default=0.0)
