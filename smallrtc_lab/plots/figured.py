"""A drawing that is a matplotlib figure: what stays is drawn once and kept, and what moves is drawn over it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Hashable, Iterable, Mapping
from typing import Any, ClassVar, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from matplotlib.text import Text

from .drawing import Drawing, Moment, Pixels, Sound, Theme
from .furniture import live, margins, title
from .look import POINT, look_of
from .options import Mark, checked, checked_marks
from .stage import Size, Stage

__all__ = ["FigureDrawing", "figure_of"]


_OVER = ("#9af6ff", "#14141c")  # a mark and its edge: no colour map that is usual has them


class _Line(NamedTuple):
    """A mark as it is drawn."""

    mark: Mark
    axes: Axes
    rule: Line2D
    label: Text


class FigureDrawing(Drawing):
    """What all kinds share. A kind says what it takes, how its axes look, and how it paints.

    ``flat`` names the axes of marks that lie across (the others stand upright), ``right`` is the margin there, and
    ``over_colours`` says that marks are seen over a colour map.
    ``now_s`` is the session time at the right end, to which times on the axis are relative.
    """

    flat: ClassVar[frozenset[str]] = frozenset()
    right: ClassVar[float] = 16.0
    over_colours: ClassVar[bool] = False

    def __init__(self, options: Mapping[str, Any]) -> None:
        self.options: dict[str, Any] = dict(options)
        self.now_s = 0.0
        self._size = Size(options["width"], options["height"])
        self._stage: Stage | None = None
        self._ground: Hashable = None
        self._marks: tuple[Mark, ...] = ()
        self._lines: list[_Line] = []
        look_of(options["style"], "light")  # raises for a style that does not exist
        self.adopt()

    # What a kind says.

    def adopt(self) -> None:
        """Options have changed: forget what was computed with others, and check what only matplotlib knows."""

    @abstractmethod
    def take(self, sound: Sound | None, moment: Moment) -> bool:
        """Compute what is to be shown; whether it differs from last time."""

    def ground(self) -> Hashable:
        """What of the unchanging part depends on what is shown, such as an axis that follows it."""
        return None

    @abstractmethod
    def furnish(self, stage: Stage) -> Iterable[Axes]:
        """Make axes and artists; returns the axes that have marks."""

    @abstractmethod
    def paint(self, stage: Stage) -> None:
        """Draw what moves over what is kept."""

    @abstractmethod
    def load(self, arrays: Mapping[str, Any]) -> None:
        """Show these :meth:`arrays` instead of what was taken."""

    @abstractmethod
    def compose(self, stage: Stage) -> None:
        """What :meth:`paint` shows as artists of a figure that is not live."""

    # What they share.

    def set(self, options: Mapping[str, Any]) -> None:
        before = self.options
        self.options = checked(self.kind, before | dict(options))
        try:
            look_of(self.options["style"], "light")
            self.adopt()
        except ValueError:
            self.options = before
            raise
        self._stage = None

    def resize(self, width: int, height: int, ratio: float = 1.0, theme: Theme = "light") -> None:
        size = Size(max(60, width), max(40, height), min(4.0, max(0.5, ratio)), theme)
        if size != self._size:
            self._size, self._stage = size, None

    def mark(self, marks: Iterable[Mapping[str, Any]]) -> None:
        self._marks, self._stage = checked_marks(self.kind, marks), None

    def draw(self, sound: Sound | None, moment: Moment) -> Pixels | None:
        changed = self.take(sound, moment)
        if self._stage is None or self._ground != self.ground():
            self._stage = self.set_up(Stage(self._size, look_of(self.options["style"], self._size.theme)))
            self._stage.keep()
        elif not changed:
            return None
        self._stage.clear()
        self.paint(self._stage)
        for line in self._lines:
            self._place(line)
            self._stage.draw(line.axes, (line.rule, line.label) if line.mark.label else (line.rule,))
        return self._stage.pixels

    def set_up(self, stage: Stage) -> Stage:
        """Furnish a stage for what is shown now."""
        self._ground = self.ground()
        title(stage, self.options["title"], margins(stage, True).left)
        axes = list(self.furnish(stage))
        self._lines = [self._marked(stage, one, mark) for mark in self._marks for one in axes]
        return stage

    def figure(self, arrays: Mapping[str, Any], marks: Iterable[Mark]) -> Figure:
        """See :func:`figure_of`."""
        self.load(arrays)
        self._marks = tuple(marks)
        stage = self.set_up(Stage(self._size, look_of(self.options["style"], "light"), live=False))
        self.compose(stage)
        for line in self._lines:
            self._place(line)
        return stage.figure

    @property
    def stage(self) -> Stage | None:
        """Where the last picture was drawn, if any was."""
        return self._stage

    def _marked(self, stage: Stage, axes: Axes, mark: Mark) -> _Line:
        flat = mark.axis in self.flat
        look = _OVER if self.over_colours else (stage.look.mark, stage.look.area)
        stroke = [withStroke(linewidth=2.5 * POINT, foreground=look[1])]
        draw = axes.axhline if flat else axes.axvline
        line = draw(mark.value, color=look[0], linewidth=1.4 * POINT, dashes=(4, 2), path_effects=stroke)
        text = axes.text(
            *((0.008, mark.value) if flat else (mark.value, 0.985)),
            f" {mark.label} " if mark.label else "",
            transform=axes.get_yaxis_transform() if flat else axes.get_xaxis_transform(),
            va="bottom" if flat else "top",
            color=look[0],
            clip_on=True,
            path_effects=stroke,
            **stage.letters(11),
        )
        return _Line(mark, axes, live(stage, line), live(stage, text))

    def _place(self, line: _Line) -> None:
        """An upright line where it belongs now, its label at the side that has room."""
        if line.mark.axis in self.flat:
            return
        x = line.mark.value - (self.now_s if line.mark.axis == "time_s" else 0.0)
        first, last = line.axes.get_xlim()
        line.rule.set_xdata([x, x])
        line.label.set(x=x, ha="right" if x > first + 0.85 * (last - first) else "left")
        for artist in (line.rule, line.label):
            artist.set_visible(first <= x <= last)


def figure_of(drawing: Drawing, arrays: Mapping[str, Any], marks: Iterable[Mark]) -> Figure:
    """A figure of what these arrays hold, and of nothing else."""
    if not isinstance(drawing, FigureDrawing):
        raise TypeError(f"{drawing.kind} has no figure")
    return drawing.figure(arrays, marks)
