"""The kernel's calls for what was counted and measured."""

from __future__ import annotations

from .calls import CallGroup

__all__ = ["MeasuringCalls"]


class MeasuringCalls(CallGroup):
    """Histories of figures."""

    async def call_stats_history(self, session: str, seconds: float | None) -> tuple[list[str], bytes]:
        """Names of the fields, and the rows as float64, one after the other."""
        rows = self.engine.session(session).history.last(seconds)
        return list(rows.dtype.names or ()), rows.tobytes()
