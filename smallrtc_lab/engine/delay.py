"""The true delay of pictures, met at each stage of their way: camera → engine → function → engine → back in the page.

A simulated browser draws a time code of the moment into each picture, and looks for it in what comes back; it runs in
this process, so all is on one clock. A page that sends its test signal does the same by itself and tells how long
the whole way took; the rest is known of any camera whose browser sends sender reports.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import numpy as np

from .simulated_tracks import shown_code
from .stages import Delivered

if TYPE_CHECKING:
    from .session import Session
    from .simulate import SimulatedBrowser
    from .subscriptions import TimedFrame

__all__ = ["STAGES", "measure_delay"]

STAGES = ("to_engine", "to_function", "in_function", "back", "total")
_SETTLE_S = 0.5  # what is on its way when the measurement begins shows no time code


async def measure_delay(session: Session, seconds: float) -> dict[str, Any]:
    """Measure for so many seconds; each of ``STAGES`` as ``{median_ms, p95_ms, pictures}``, or None.

    ``by`` is ``"simulation"``, ``"page"`` or None, where nobody sees how long the whole way takes.
    """
    browser = session.reception.simulated
    probe = _Probe(browser)
    camera, finished = session.video["camera"].watchers, session.processing.finished
    camera.append(probe.decoded)
    finished.append(probe.finished)
    try:
        if browser is not None:
            browser.stamp(probe.returned)
        await asyncio.sleep(_SETTLE_S)
        probe.begin()
        await asyncio.sleep(seconds)
    finally:
        camera.remove(probe.decoded)
        finished.remove(probe.finished)
        if browser is not None:
            browser.stamp(None)
    stages = probe.stages()
    echo_ms, echo_p95_ms = (session.page_figures.get(name) for name in ("echo_ms", "echo_p95_ms"))
    if browser is None and echo_ms is not None:
        stages |= _by_page(stages, echo_ms, echo_ms if echo_p95_ms is None else echo_p95_ms)
    by = "simulation" if browser is not None else None if echo_ms is None else "page"
    return {"stages": stages, "by": by, "seconds": seconds}


class _Probe:
    """Notes when each picture was where, in seconds of ``time.monotonic``."""

    def __init__(self, browser: SimulatedBrowser | None) -> None:
        self._browser = browser
        self._ages_s: dict[float, float] = {}  # decoded → how old it was then
        self._taken_s: dict[float, float] = {}  # decoded → taken
        self._finished: dict[float, tuple[float, float]] = {}  # decoded → began, took
        self._back_s: dict[float, float] = {}  # taken → back

    def begin(self) -> None:
        """What was noted until now was to warm up."""
        for notes in (self._ages_s, self._taken_s, self._finished, self._back_s):
            notes.clear()

    def decoded(self, _epoch: int, timed: TimedFrame) -> None:
        """A picture was decoded."""
        if self._browser is None:
            if timed.time_kind == "capture":
                self._ages_s[timed.decoded_s] = timed.age_s
            return
        taken_s = self._browser.taken_s(shown_code(timed.frame))
        if taken_s is not None:
            self._taken_s[timed.decoded_s] = taken_s
            self._ages_s[timed.decoded_s] = timed.decoded_s - taken_s

    def finished(self, item: Delivered, began_s: float, ran_s: float) -> None:
        """A function is through with a picture; of several functions the last counts."""
        self._finished[item.ready_s] = (began_s, ran_s)

    def returned(self, code: int, seen_s: float) -> None:
        """A picture is back in the simulated browser; shown twice, its first time counts."""
        taken_s = None if self._browser is None else self._browser.taken_s(code)
        if taken_s is not None:
            self._back_s.setdefault(taken_s, seen_s)

    def stages(self) -> dict[str, dict[str, float] | None]:
        """Median, p95 and number of pictures of each stage."""
        found: dict[str, list[float]] = {name: [] for name in STAGES}
        found["to_engine"] = list(self._ages_s.values())
        for decoded_s, (began_s, ran_s) in self._finished.items():
            found["to_function"].append(began_s - decoded_s)
            found["in_function"].append(ran_s)
            back_s = self._back_s.get(self._taken_s.get(decoded_s, -1.0))
            if back_s is not None:
                found["back"].append(back_s - began_s - ran_s)
        found["total"] = [back_s - taken_s for taken_s, back_s in self._back_s.items()]
        return {name: _summary(values) for name, values in found.items()}


def _by_page(
    stages: dict[str, dict[str, float] | None], echo_ms: float, echo_p95_ms: float
) -> dict[str, dict[str, float] | None]:
    """The whole way as the page saw it, and the way back as what is left of it."""
    before = [stages[name] for name in ("to_engine", "to_function", "in_function")]
    known_ms = sum(stage["median_ms"] for stage in before if stage is not None)
    total = {"median_ms": float(echo_ms), "p95_ms": float(echo_p95_ms), "pictures": 0}
    back = {
        "median_ms": max(0.0, echo_ms - known_ms),
        "p95_ms": max(0.0, echo_p95_ms - known_ms),
        "pictures": 0,
    }
    return {"total": total, "back": None if None in before else back}


def _summary(values_s: list[float]) -> dict[str, float] | None:
    if not values_s:
        return None
    middle, high = np.percentile(1000 * np.array(values_s), [50, 95])
    return {"median_ms": round(float(middle), 2), "p95_ms": round(float(high), 2), "pictures": len(values_s)}
