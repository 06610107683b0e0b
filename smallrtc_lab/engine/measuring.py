"""The kernel's calls for what was counted and measured."""

from __future__ import annotations

from typing import Any

from .calls import CallGroup
from .delay import measure_delay

__all__ = ["MeasuringCalls"]


class MeasuringCalls(CallGroup):
    """Histories of figures, and delays."""

    async def call_stats_history(self, session: str, seconds: float | None) -> tuple[list[str], bytes]:
        """Names of the fields, and the rows as float64, one after the other."""
        rows = self.engine.session(session).history.last(seconds)
        return list(rows.dtype.names or ()), rows.tobytes()

    async def call_measure_delay(self, session: str, seconds: float) -> dict[str, Any]:
        """See :func:`~.delay.measure_delay`."""
        return await measure_delay(self.engine.session(session), seconds)
