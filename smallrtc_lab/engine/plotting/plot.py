"""One plot of a session: what it shows, how, and which moment of it; its views follow it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any

from smallrtc_lab.errors import NotLiveError
from smallrtc_lab.framing import Header
from smallrtc_lab.media.convert import Reformatter
from smallrtc_lab.plots.drawing import Arrays
from smallrtc_lab.plots.options import checked, checked_marks

from .artist import Artist, Look, ThreadArtist
from .page import PLOT_VERSION, Canvas
from .source import Material, material, sent_track
from .view import PlotView

if TYPE_CHECKING:
    from smallrtc_lab.engine.session import Session

__all__ = ["Plot"]

SOUND_KINDS = frozenset({"waveform", "spectrum", "spectrogram", "level"})
_WAITING = {
    "idle": "Waiting for the lab: click Start.",
    "asking": "Waiting for the browser's permission.",
    "failed": "Waiting for the lab: it could not connect, and says why.",
}
_STOPPED = "Not live: this is what came last."


class Plot:
    """A plot; a :class:`~.view.Subject`. On the engine's loop."""

    def __init__(
        self,
        name: str,
        kind: str,
        options: Mapping[str, Any],
        session: Session,
        painter: Executor,
        on_freeze: Callable[[str, bool, bool], None],
    ) -> None:
        self.name = name
        self.kind = kind
        self.views: list[PlotView] = []
        self.frozen: Material | None = None
        self._session = session
        self._painter = painter
        self._on_freeze = on_freeze
        self._options = self._checked(options)
        self._marks: tuple[Mapping[str, Any], ...] = ()
        self._version = 0
        self._reformatter = Reformatter()  # used by the painter's one thread only

    # What views ask

    @property
    def rate_hz(self) -> float:
        """Pictures a second at most."""
        return float(self._options["rate_hz"]) * self._session.budget.plot_rate_factor

    @property
    def stamp(self) -> object:
        """What a picture depends on, but for its canvas."""
        if self.frozen is not None:
            return (self._version, "frozen")
        return (self._version, *self._positions())

    def look(self, canvas: Canvas) -> Look:
        """As the options have it now."""
        return Look(canvas.width, canvas.height, canvas.ratio, canvas.theme, self._options, self._marks)

    def material(self) -> Material:
        """What there is now, or was when it was frozen."""
        if self.frozen is not None:
            return self.frozen
        return material(self._session, self._reformatter, statistics=self.kind == "stats")

    def freeze(self, on: bool, everything: bool) -> None:
        """The button in a view was pressed."""
        self._on_freeze(self.name, on, everything)

    # What the kernel asks

    def set(self, options: Mapping[str, Any]) -> None:
        """Change some options."""
        self._options = self._checked({**self._options, **options})
        self._changed(greet=True)

    def mark(self, marks: Sequence[Mapping[str, Any]]) -> None:
        """Draw these lines and no others."""
        checked_marks(self.kind, marks)
        self._marks = tuple(marks)
        self._changed()

    def hold(self, frozen: Material | None) -> None:
        """Show this moment, or again what comes."""
        self.frozen = frozen
        self._changed()

    async def arrays(self) -> Arrays:
        """What is shown: in the view that was drawn last, else what would be shown now.

        Raises :class:`NotLiveError` before anything came.
        """
        shown = next((view for view in self.views if self._is_shown(view)), None)
        if shown is not None and shown.artist is not None:
            arrays = await shown.artist.arrays()
        else:
            artist = self.artist()
            await artist.paint(self.look(self._canvas()), self.material(), 50)
            arrays = await artist.arrays()
        if not arrays:
            raise NotLiveError
        return arrays

    def stats(self) -> Header:
        """Of each view: pictures shown, their rate over the last ones, and their delay from the moment they show."""
        return {"frozen": self.frozen is not None, "views": [_described(view) for view in self.views]}

    # Views

    def artist(self) -> Artist:
        """Who draws for a new view."""
        return ThreadArtist(self.kind, self._painter)

    def show_in(self, view: PlotView) -> None:
        """A view of it said hello."""
        if view not in self.views:
            self.views.append(view)
            view.follow(self, self.artist(), self.greeting)
        view.tell(self.greeting)
        view.tell(self.state)

    def leave(self, view: PlotView) -> None:
        """A view is gone."""
        if view in self.views:
            self.views.remove(view)

    @property
    def greeting(self) -> Header:
        """What a page lays the view out by."""
        size = {name: self._options[name] for name in ("title", "width", "height")}
        return {"type": "welcome", "version": PLOT_VERSION, "kind": self.kind, **size}

    @property
    def state(self) -> Header:
        """Where it stands, and a sentence when no new pictures come."""
        session = self._session.state
        if self.frozen is not None:
            return {"type": "state", "state": "frozen", "text": ""}
        if session == "live":
            return {"type": "state", "state": "live", "text": ""}
        if any(self._positions()):
            return {"type": "state", "state": "stopped", "text": _STOPPED}
        text = _WAITING.get(session, "Waiting for the first sound and picture.")
        return {"type": "state", "state": "waiting", "text": text}

    def refresh(self) -> None:
        """The session's state may have changed."""
        for view in self.views:
            view.tell(self.state)
            view.came()

    def came(self) -> None:
        """Something new came."""
        if self.frozen is None:
            for view in self.views:
                view.came()

    def _positions(self) -> tuple[int, ...]:
        """How far what it is drawn from has come; zeros before anything came."""
        if self.kind in SOUND_KINDS:
            return (self._session.audio.received and self._session.audio.ring.end,)
        if self.kind == "stats":
            rows = self._session.history.rows
            return (round(1000 * float(rows["time_s"][-1])) if len(rows) else 0,)
        source = str(self._options["source"])
        if source != "sent":
            return (self._session.video[source].received,)
        sent = sent_track(self._session).newest
        return (0 if sent is None else round(90_000 * sent[1]),)

    def _checked(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        return checked(self.kind, options)

    def _canvas(self) -> Canvas:
        last = next((view.canvas for view in self.views if view.canvas is not None), None)
        return last or Canvas(int(self._options["width"]), int(self._options["height"]))

    def _is_shown(self, view: PlotView) -> bool:
        """Whether a view has drawn, and when frozen: that moment."""
        drawn = view.drawn is not None
        return drawn and (self.frozen is None or view.drawn == (view.canvas, self.stamp))

    def _changed(self, *, greet: bool = False) -> None:
        self._version += 1
        for view in self.views:
            if greet:
                view.tell(self.greeting)
            view.tell(self.state)
            view.wake()


def _described(view: PlotView) -> Header:
    delays = list(view.delays_s)
    span_s = delays[-1][0] - delays[0][0] if len(delays) > 1 else 0.0
    ordered = sorted(delay for _, delay in delays)
    return {
        "visible": view.visible,
        "shown": view.shown,
        "rate_hz": round((len(delays) - 1) / span_s, 2) if span_s else 0.0,
        "delay_ms": round(1000 * ordered[len(ordered) // 2], 1) if ordered else None,
        "delay_p95_ms": round(1000 * ordered[int(len(ordered) * 0.95)], 1) if ordered else None,
        "ratio": view.canvas.ratio if view.canvas else None,
    }
