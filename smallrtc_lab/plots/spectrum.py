"""The spectrum: level against frequency, averaged as Welch does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from .dense import DENSE, draw_dense
from .drawing import Arrays, Moment, Reading, Sound
from .figured import FigureDrawing
from .furniture import dress, live, margins, number, show_hz
from .grid import GridRows
from .look import POINT
from .options import db_range
from .spectra import decibels, segment_powers
from .stage import Stage

__all__ = ["SpectrumDrawing"]


class SpectrumDrawing(FigureDrawing):
    """``arrays()``: ``frequencies_hz`` (f,) float64 up to ``fmax_hz``; ``level_db`` (f,) float32, NaN while samples
    are missing (see ``plots/spectra.py`` for its 0 dB); ``span_s`` (2,) float64: session seconds of the first and
    the last sample that count.

    A segment of which samples are missing is left out of the average.
    """

    kind = "spectrum"
    flat = frozenset({"y_db"})

    def adopt(self) -> None:
        names = ("nperseg", "overlap", "window", "averages", "channel")
        key = tuple(self.options[name] for name in names)
        if getattr(self, "_key", None) == key:
            return
        self._key = key
        nperseg, overlap, window, averages, channel = key
        self._powers: GridRows = segment_powers(nperseg, overlap, window, averages, channel)
        self._rate = 0
        self._span_s = np.zeros(2)
        self._level_db = np.empty(0, np.float32)

    def take(self, sound: Sound | None, moment: Moment) -> bool:
        if sound is None or self._powers.update(sound, moment) is None:
            return False
        rows = self._powers.rows(self._powers.first, self._powers.stop)
        whole = rows[~np.isnan(rows[:, 0])]
        power = whole.mean(axis=0, dtype=np.float64) if len(whole) else np.full(rows.shape[1], np.nan)
        self._level_db, self._rate = decibels(power), sound.sample_rate
        last = (self._powers.stop - 1) * self._powers.hop + self._powers.length - 1
        self._span_s = np.array([sound.time_s(self._powers.first * self._powers.hop), sound.time_s(last)])
        self.now_s = float(self._span_s[1])
        return True

    def load(self, arrays: Mapping[str, Any]) -> None:
        if len(arrays.get("frequencies_hz", ())) > 1:
            self._level_db = np.asarray(arrays["level_db"])
            self._span_s = np.asarray(arrays.get("span_s", self._span_s))
            self._rate = round(float(arrays["frequencies_hz"][1]) * self._powers.length)

    def ground(self) -> float:
        return self._fmax_hz()

    def furnish(self, stage: Stage) -> Iterable[Axes]:
        room = margins(stage, bool(self.options["title"]))
        axes = stage.axes(room.left, room.top, room.right, room.bottom)
        dress(stage, axes, "Frequency (kHz)", "Level (dBFS)")
        axes.set_xlim(0, self._fmax_hz())
        axes.set_ylim(*db_range(self.options["range_db"]))
        show_hz(axes.xaxis)
        axes.yaxis.set_major_formatter(lambda value, _: number(value))
        (line,) = axes.plot([], [], color=stage.look.lines[0], linewidth=1.3 * POINT, solid_joinstyle="round")
        self._axes, self._curve = axes, live(stage, line)
        return [axes]

    def paint(self, stage: Stage) -> None:
        shown = self.arrays()
        if not shown:
            return
        area, level_db = stage.areas[self._axes], shown["level_db"]
        if np.isnan(level_db).any():
            stage.hatch(area, 0, area.width)
        elif len(level_db) > DENSE * area.width:
            edges_hz = np.arange(area.width + 1) * self._fmax_hz() / area.width
            starts = np.ceil(edges_hz / self._step_hz() - 1e-9).astype(np.intp)
            draw_dense(stage, area, level_db, starts, db_range(self.options["range_db"]), stage.look.lines[0])
        else:
            self._curve.set_data(shown["frequencies_hz"], level_db)
            stage.draw(self._axes, [self._curve])

    def compose(self, stage: Stage) -> None:
        if shown := self.arrays():
            self._curve.set_data(shown["frequencies_hz"], shown["level_db"])
            if np.isnan(shown["level_db"]).any():
                stage.span(self._axes, *self._axes.get_xlim())

    def value_at(self, x_px: float, y_px: float) -> Reading | None:
        found = None if self.stage is None else self.stage.to_data(self._axes, x_px, y_px)
        shown = self.arrays()
        if found is None or not shown:
            return None
        hz = shown["frequencies_hz"]
        index = int(np.clip(round(found[0] / self._step_hz()), 0, len(hz) - 1))
        value = float(shown["level_db"][index])
        level = "missing" if np.isnan(value) else f"{number(round(value, 1))} dB"
        return Reading(float(hz[index]), value, value, f"{number(round(float(hz[index]), 1))} Hz: {level}")

    def arrays(self) -> Arrays:
        if not self._rate:
            return {}
        count = min(len(self._level_db), int(self._fmax_hz() / self._step_hz() + 1e-9) + 1)
        return {
            "frequencies_hz": np.arange(count) * self._step_hz(),
            "level_db": self._level_db[:count].copy(),
            "span_s": self._span_s.copy(),
        }

    def _step_hz(self) -> float:
        return self._rate / self._powers.length

    def _fmax_hz(self) -> float:
        highest = self._rate / 2 if self._rate else 24000.0
        return min(self.options["fmax_hz"] or highest, highest)
