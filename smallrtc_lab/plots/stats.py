"""Figures of the connection over time, one below the other."""

from __future__ import annotations

import difflib
from collections.abc import Hashable, Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from .drawing import Arrays, Moment, Reading, Sound
from .figured import FigureDrawing
from .furniture import dress, live, margins, number, short, show_time
from .look import POINT
from .scale import nice_above
from .stage import Stage

__all__ = ["StatsDrawing"]

_HEAD = 21  # CSS pixels above each field, where its name stands
_LOW = 46  # less height has room for two numbers only


class StatsDrawing(FigureDrawing):
    """``arrays()``: ``times_s`` (n,) float64 session seconds, and for each of ``names`` (n,) float64 in that
    field's unit, NaN where it was not known. A field that does not exist is said in its place.
    """

    kind = "stats"

    def adopt(self) -> None:
        self._arrays: Arrays = {}
        self._unknown: dict[str, str] = {}
        self._rows: list[tuple[str, Axes, tuple[Any, Any]]] = []

    def take(self, sound: Sound | None, moment: Moment) -> bool:
        table = moment.statistics
        if table is None or not len(table):
            return False
        latest_s = float(table["time_s"][-1])
        if self._arrays and latest_s == self.now_s:
            return False
        shown = table[table["time_s"] >= latest_s - self.options["seconds"]]
        fields = table.dtype.names or ()
        found = {name: shown[name].astype(np.float64) for name in self.options["names"] if name in fields}
        self._unknown = {name: _hint(name, fields) for name in self.options["names"] if name not in fields}
        self._arrays = {"times_s": shown["time_s"].astype(np.float64), **found}
        self.now_s = latest_s
        return True

    def load(self, arrays: Mapping[str, Any]) -> None:
        self._arrays = {name: np.asarray(values) for name, values in arrays.items()}
        if len(times_s := self._arrays.get("times_s", np.empty(0))):
            self.now_s = float(times_s[-1])

    def ground(self) -> Hashable:
        return tuple(_limits(values) for values in self._values()), tuple(self._unknown)

    def furnish(self, stage: Stage) -> Iterable[Axes]:
        room = margins(stage, bool(self.options["title"]))
        names = self.options["names"]
        top = room.top - 8
        each = (stage.size.height - top - room.bottom) / len(names)
        self._rows = []
        for index, name in enumerate(names):
            bottom = room.bottom + each * (len(names) - 1 - index)
            axes = stage.axes(room.left, top + each * index + _HEAD, room.right, bottom)
            last = index == len(names) - 1
            time = show_time(axes, self.options["seconds"])
            dress(stage, axes, time if last else "", "")
            axes.tick_params(labelbottom=last)
            limits = _limits(self._values()[index])
            axes.set_ylim(*limits)
            if stage.areas[axes].height < stage.device(_LOW):
                axes.set_yticks(limits)
            axes.yaxis.set_major_formatter(lambda value, _: short(value))
            self._rows.append((name, axes, self._row(stage, axes, index)))
        return [axes for _, axes, _ in self._rows]

    def paint(self, stage: Stage) -> None:
        self._arrange()
        for _, axes, artists in self._rows:
            stage.draw(axes, artists)

    def compose(self, stage: Stage) -> None:
        self._arrange()

    def value_at(self, x_px: float, y_px: float) -> Reading | None:
        for name, axes, _ in self._rows if self.stage is not None else ():
            found = self.stage.to_data(axes, x_px, y_px) if self.stage is not None else None
            if found is None or name not in self._arrays or not len(self._arrays["times_s"]):
                continue
            times_s = self._arrays["times_s"]
            index = int(np.argmin(np.abs(times_s - self.now_s - found[0])))
            time_s, value = float(times_s[index]), float(self._arrays[name][index])
            known = "not known" if np.isnan(value) else number(value)
            return Reading(time_s, value, value, f"{time_s:.1f} s: {name} {known}")
        return None

    def arrays(self) -> Arrays:
        return {name: values.copy() for name, values in self._arrays.items()}

    def _values(self) -> list[npt.NDArray[np.float64]]:
        return [self._arrays.get(name, np.empty(0)) for name in self.options["names"]]

    def _row(self, stage: Stage, axes: Axes, index: int) -> tuple[Any, Any]:
        """The line and the newest value of one field, below its name."""
        look, name = stage.look, self.options["names"][index]
        colour = look.lines[index % len(look.lines)]
        above = {"transform": axes.transAxes, "va": "bottom", **stage.letters(11.5)}
        y = 1 + 3 * stage.size.ratio / stage.areas[axes].height
        axes.text(0, y, f"{name}{self._unknown.get(name, '')}", color=look.text, **above)
        value = axes.text(1, y, "", color=colour, ha="right", fontweight="bold", **above)
        (line,) = axes.plot([], [], color=colour, linewidth=1.5 * POINT, solid_joinstyle="round")
        return live(stage, line), live(stage, value)

    def _arrange(self) -> None:
        for (_, _, (line, text)), values in zip(self._rows, self._values(), strict=True):
            if len(values):
                line.set_data(self._arrays["times_s"] - self.now_s, values)
                text.set_text("" if np.isnan(values[-1]) else _rounded(float(values[-1])))


def _limits(values: npt.NDArray[np.float64]) -> tuple[float, float]:
    """From zero to a round number beyond everything; below zero where there is something."""
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    if low >= 0:
        return 0.0, nice_above(high * 1.02) if high > 0 else 1.0
    return -nice_above(-low), nice_above(high) if high > 0 else 0.0


def _rounded(value: float) -> str:
    return short(float(f"{value:.3g}"))


def _hint(name: str, fields: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(name, fields, n=1)
    return f": there is no such field; did you mean {near[0]}?" if near else ": there is no such field"
