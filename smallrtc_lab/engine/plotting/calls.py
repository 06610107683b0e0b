"""The kernel's calls about plots."""

from __future__ import annotations

from typing import Any

import numpy as np

from smallrtc_lab.engine.bridge import Reply
from smallrtc_lab.engine.calls import CallGroup
from smallrtc_lab.errors import SmallRTCError
from smallrtc_lab.framing import Header
from smallrtc_lab.plots.drawing import Arrays

__all__ = ["PlotCalls"]


class PlotCalls(CallGroup):
    """See :class:`~.plots.Plotting`."""

    async def call_plot_create(self, session: str, plot: str, kind: str, options: dict[str, Any]) -> None:
        """Make a plot."""
        self.engine.session(session).plotting.create(plot, kind, options)

    async def call_plot_set(self, session: str, plot: str, options: dict[str, Any]) -> None:
        """Change some of its options."""
        self.engine.session(session).plotting.find(plot).set(options)

    async def call_plot_mark(self, session: str, plot: str, marks: list[dict[str, Any]]) -> None:
        """These lines and no others."""
        self.engine.session(session).plotting.find(plot).mark(marks)

    async def call_plot_freeze(self, session: str, plots: list[str] | None) -> float:
        """Hold these plots, or all, at one moment; its session time in seconds."""
        return self.engine.session(session).plotting.freeze(plots)

    async def call_plot_resume(self, session: str, plots: list[str] | None) -> None:
        """Go on."""
        self.engine.session(session).plotting.resume(plots)

    async def call_plot_data(self, session: str, plot: str) -> Reply:
        """What it shows: names, dtypes and shapes in the result, the arrays one after the other in the payload."""
        return _packed(await self.engine.session(session).plotting.find(plot).arrays())

    async def call_plot_shareable(self, session: str) -> bool:
        """Whether what is seen may be saved with the notebook."""
        return self.engine.session(session).shareable

    async def call_plot_stats(self, session: str, plot: str) -> Header:
        """Its views and their figures."""
        return self.engine.session(session).plotting.find(plot).stats()

    async def call_plot_item(self, session: str, plot: str) -> Reply:
        """What a function of the person's is to draw now."""
        return await self.engine.session(session).plotting.custom(plot).item()

    async def call_plot_drawn(self, session: str, plot: str, number: int, answer: dict[str, Any]) -> None:
        """It has drawn: pixels in a slot, or what went wrong."""
        try:
            self.engine.session(session).plotting.custom(plot).drawn(number, answer)
        except SmallRTCError:  # closed meanwhile: the slot is the kernel's again
            self.engine.bridge.free_result({"slot": answer["slot"]} if answer["slot"] else {})

    async def call_plot_close(self, session: str, plot: str) -> None:
        """It is gone."""
        found = self.engine.find(session)
        if found is not None:
            found.plotting.remove(plot)


def _packed(arrays: Arrays) -> Reply:
    kept = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    table = [[name, array.dtype.str, list(array.shape)] for name, array in kept.items()]
    return table, b"".join(array.tobytes() for array in kept.values())
