"""A session's budget at work: fed with delays and strain; what it sheds is asked of the browser and told to people."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from .budget import Budget, Measurement
from .strain import StrainGauge

if TYPE_CHECKING:
    from .session import Session

__all__ = ["Shedding", "asked_frame_rate"]

PROBLEM = "shedding"


class Shedding:
    """Of one session, on the engine's loop. Plots read ``budget.plot_rate_factor`` by themselves."""

    def __init__(self, session: Session, limit_s: float | None) -> None:
        self.budget = Budget(limit_s, frame_rate=asked_frame_rate(session.options.get("video")))
        self._session = session
        self._gauge = StrainGauge()
        self._asked = False  # whether the browser was ever asked for less

    def measure(self, network_ms: float | None) -> None:
        """Twice a second, while a browser is connected."""
        session = self._session
        self.budget.plots = session.plotting.seen
        came = sum(stream.received for stream in session.video.values())
        strain = self._gauge.read(came, session.statistics.skipped)
        if self.budget.measure(Measurement(self._delay_s(network_ms), strain), time.monotonic()):
            self.tell()

    def stop(self) -> None:
        """The session ends."""
        self._gauge.stop()

    def _delay_s(self, network_ms: float | None) -> float | None:
        """How long pictures take now, to the quickest function or else until they are decoded.

        The quickest, for a function that waits for another one is not helped by smaller pictures.
        """
        if self.budget.limit_s is None:
            return None  # nobody asks, and stages are left to those who do
        delays_ms = [ms for ms in self._session.processing.take_delays_ms() if ms is not None]
        delay_ms = min(delays_ms) if delays_ms else network_ms
        return None if delay_ms is None else delay_ms / 1000

    def tell(self) -> None:
        """Ask the browser for what is left, and say so; also a browser that has just come."""
        level, session = self.budget.level, self._session
        rate_hz = self.budget.max_frame_rate
        self._asked |= level.asked != (1.0, 1.0)
        if self._asked:
            session.pages.tell(
                {"type": "ask", "scale": level.scale, "max_frame_rate": rate_hz}, standing=True
            )
        if session.reception.simulated is not None:
            session.reception.simulated.ask(level.scale, rate_hz)
        said = self.budget.says()
        if said:
            session.problem(PROBLEM, said, "What was shed comes back by itself when there is room for it.")
        else:
            session.clear_problem(PROBLEM)


def asked_frame_rate(video: Any) -> float:
    """What was asked of the browser, in pictures a second; 30 where nothing was."""
    rate = video.get("frameRate") if isinstance(video, dict) else None
    if isinstance(rate, dict):
        rate = rate.get("exact", rate.get("ideal", rate.get("max")))
    return float(rate) if isinstance(rate, (int, float)) and rate > 0 else 30.0
