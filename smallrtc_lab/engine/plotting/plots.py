"""All plots of a session and their views: who shows what, what freezes together, and the thread that draws.

The thread is made with the first plot. Drawing there costs the media loop nothing but its turns of the interpreter,
which are short (see ``__main__``).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from smallrtc_lab.engine.bridge import Bridge
from smallrtc_lab.errors import EngineError
from smallrtc_lab.framing import Header
from smallrtc_lab.media.convert import Reformatter
from smallrtc_lab.plots.making import make_drawing

from .budget import ByteBudget
from .custom import CustomPlot
from .page import canvas_of, greets
from .plot import Plot
from .source import frozen_material, sent_track
from .view import PlotView

if TYPE_CHECKING:
    from smallrtc_lab.engine.session import Session

__all__ = ["Plotting"]

logger = logging.getLogger(__name__)

# Sends a message, and perhaps a picture, to one view: plot, page's key, message, bytes.
SendPlot = Callable[[str, str, Header, bytes], None]
_GONE = {"type": "state", "state": "closed", "text": "This plot was closed. Run its cell again."}
_OTHER_VERSION = {
    "type": "state",
    "state": "closed",
    "text": "This page runs another version of smallrtc-lab than the kernel. Reload the page.",
}


class Plotting:
    """The plots of one session. On the engine's loop."""

    def __init__(self, session: Session, bridge: Bridge) -> None:
        self.send: SendPlot = lambda plot, page, message, payload: None
        self._session = session
        self._bridge = bridge
        self._plots: dict[str, Plot] = {}
        self._views: dict[str, tuple[str, PlotView]] = {}  # by the page's key, with the plot's name
        self._budgets: dict[str, ByteBudget] = {}  # by the name a page gave itself: its plots share one way
        self._painter: ThreadPoolExecutor | None = None

    # Plots, for the kernel

    def create(self, name: str, kind: str, options: Mapping[str, Any]) -> None:
        """Make a plot; views that wait for it show it."""
        if self._painter is None:
            self._painter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="smallrtc-plots")
            for inbound in (self._session.audio, *self._session.video.values()):
                inbound.listeners.append(self.came)
        self._plots[name] = plot = self._made(name, kind, options, self._painter)
        for wanted, view in self._views.values():
            if wanted == name and view.page is not None:
                plot.show_in(view)

    def find(self, name: str) -> Plot:
        """The plot of that name; raises :class:`EngineError` for one that was closed."""
        plot = self._plots.get(name)
        if plot is None:
            raise EngineError("this plot was closed; run its cell again")
        return plot

    def custom(self, name: str) -> CustomPlot:
        """The plot of that name, which the kernel draws; raises :class:`EngineError` when it was closed."""
        plot = self.find(name)
        if not isinstance(plot, CustomPlot):
            raise EngineError("this plot is not drawn by the kernel")
        return plot

    def freeze(self, names: list[str] | None) -> float:
        """Hold these plots, or all, at the samples of one moment; its time in seconds of the session."""
        held = frozen_material(self._session, Reformatter())
        for plot in self._named(names):
            plot.hold(held)
            self._tell_kernel(plot)
        return held[1].time_s

    def resume(self, names: list[str] | None) -> None:
        """Let these plots, or all, go on with what comes."""
        for plot in self._named(names):
            plot.hold(None)
            self._tell_kernel(plot)

    def remove(self, name: str) -> None:
        """A plot was closed; views that are left say so."""
        plot = self._plots.pop(name, None)
        if plot is not None:
            for view in list(plot.views):
                plot.leave(view)
                view.tell(_GONE)
                view.visible = False

    @property
    def seen(self) -> bool:
        """Whether somebody looks at a plot."""
        return any(view.visible for plot in self._plots.values() for view in plot.views)

    def share(self, most_bps: int | None) -> None:
        """All views together may take so many bits a second, the pages of them alike; None: as many as they carry."""
        for budget in self._budgets.values():
            budget.most_bytes_per_s = None if most_bps is None else most_bps / 8 / len(self._budgets)

    # Views

    def __contains__(self, key: object) -> bool:
        return key in self._views

    def opened(self, name: str, key: str, most_hz: float | None = None) -> None:
        """The socket of a view opened; it counts once it has said hello. With ``most_hz`` it is the notebook's comm."""
        self._views[key] = (name, PlotView(key, lambda *told: self.send(name, key, *told), most_hz))

    def received(self, key: str, message: object) -> None:
        """A page said something of a view."""
        if key not in self._views or not isinstance(message, dict):
            return
        name, view = self._views[key]
        if message.get("type") == "hello":
            self._met(name, view, message)
        elif view.page is not None:
            view.received(message)

    async def closed(self, key: str) -> None:
        """The socket of a view closed."""
        if key in self._views:
            name, view = self._views.pop(key)
            if name in self._plots:
                self._plots[name].leave(view)
            await view.close()
            named = {view.page for _, view in self._views.values()}
            self._budgets = {page: budget for page, budget in self._budgets.items() if page in named}

    async def clear(self) -> None:
        """The link was lost, and every view's socket with it."""
        lost = [key for key, (_, view) in self._views.items() if view.most_hz is None]
        await asyncio.gather(*(self.closed(key) for key in lost))

    def came(self) -> None:
        """A sound or a picture came."""
        for plot in self._plots.values():
            plot.came()

    def refresh(self) -> None:
        """The session's state or figures have changed."""
        if self._plots:
            sent_track(self._session).on_put = self.came
        for plot in self._plots.values():
            plot.refresh()

    async def close(self) -> None:
        """End everything, the thread too."""
        for name in list(self._plots):
            self.remove(name)
        await asyncio.gather(*(self.closed(key) for key in list(self._views)))
        if self._painter is not None:
            self._painter.shutdown(wait=False, cancel_futures=True)

    def _met(self, name: str, view: PlotView, message: Header) -> None:
        page = greets(message)
        if page is None:
            self.send(name, view.key, _OTHER_VERSION, b"")
            return
        budget = self._budgets.setdefault(page, ByteBudget())
        view.meet(page, budget, canvas_of(message, None), message.get("visible") is True)
        if name in self._plots:
            self._plots[name].show_in(view)
        else:
            view.tell(_GONE)

    def _made(self, name: str, kind: str, options: Mapping[str, Any], painter: ThreadPoolExecutor) -> Plot:
        if kind != "custom":
            painter.submit(
                make_drawing, kind, options
            )  # matplotlib is loaded before the first picture is asked for
            return Plot(name, kind, options, self._session, painter, self._pressed)
        custom = CustomPlot(name, kind, options, self._session, painter, self._pressed)
        custom.use(self._bridge)
        return custom

    def _pressed(self, name: str, on: bool, everything: bool) -> None:
        names = None if everything else [name]
        if on:
            self.freeze(names)
        else:
            self.resume(names)

    def _named(self, names: list[str] | None) -> list[Plot]:
        return list(self._plots.values()) if names is None else [self.find(name) for name in names]

    def _tell_kernel(self, plot: Plot) -> None:
        frozen = plot.frozen is not None
        self._bridge.event(self._session.session_id, "plot_frozen", plot=plot.name, frozen=frozen)
