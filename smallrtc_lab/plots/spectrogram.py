"""The spectrogram: level as colour against time and frequency. What is new is drawn, the rest scrolls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from .drawing import Arrays, Moment, Reading, Sound
from .figured import FigureDrawing
from .furniture import bar, dress, margins, number, show_hz, show_time
from .grid import GridRows, runs
from .look import colour_map, colour_table
from .options import db_range
from .raster import Raster
from .scroll import Scroll
from .spectra import decibels, hop_of, segment_powers
from .stage import Stage, rgbx

__all__ = ["SpectrogramDrawing"]


class SpectrogramDrawing(FigureDrawing):
    """``arrays()``: ``times_s`` (t,) float64 session seconds of the middle of each segment; ``frequencies_hz`` (f,)
    float64 up to ``fmax_hz``; ``level_db`` (f, t) float32 as ``scipy.signal.spectrogram`` has it, NaN where samples
    of a segment are missing (see ``plots/spectra.py`` for its 0 dB).
    """

    kind = "spectrogram"
    flat = frozenset({"y_hz"})
    right = 78.0
    over_colours = True

    def adopt(self) -> None:
        self._table = colour_table(self.options["cmap"])
        key = tuple(self.options[name] for name in ("seconds", "nperseg", "overlap", "window", "channel"))
        if getattr(self, "_key", None) != key:
            self._key = key
            self._powers: GridRows | None = None
            self._rate = 0
            self._loaded: Arrays = {}
        self._scroll: Scroll | None = None

    def take(self, sound: Sound | None, moment: Moment) -> bool:
        if sound is None:
            return False
        if self._powers is None or self._rate != sound.sample_rate:
            self._rate, self._scroll = sound.sample_rate, None
            self._powers = self._made_for(sound.sample_rate)
        changed = self._powers.update(sound, moment)
        if changed is not None:
            self._changed = changed
            self.now_s = sound.time_s(self._powers.centre(self._powers.stop - 1) + self._powers.hop / 2)
        return changed is not None

    def load(self, arrays: Mapping[str, Any]) -> None:
        self._loaded = {name: np.asarray(value) for name, value in arrays.items()}
        hz = self._loaded.get("frequencies_hz", np.empty(0))
        self._rate = round(float(hz[1]) * self.options["nperseg"]) if len(hz) > 1 else 0
        if len(times_s := self._loaded.get("times_s", np.empty(0))):
            self.now_s = float(times_s[-1]) + self._hop_s / 2

    def ground(self) -> float:
        return self._fmax_hz

    def furnish(self, stage: Stage) -> Iterable[Axes]:
        room = margins(stage, bool(self.options["title"]), self.right)
        axes = stage.axes(room.left, room.top, room.right, room.bottom)
        dress(stage, axes, show_time(axes, self.options["seconds"]), "Frequency (kHz)", grid=False)
        axes.set_ylim(0, self._fmax_hz)
        show_hz(axes.yaxis)
        bar(
            stage, axes, colour_map(self.options["cmap"]), *db_range(self.options["range_db"]), "Level (dBFS)"
        )
        self._axes, self._scroll = axes, None
        return [axes]

    def paint(self, stage: Stage) -> None:
        if self._powers is None or self._powers.first == self._powers.stop:
            return
        area = stage.areas[self._axes]
        if self._scroll is None:
            raster = Raster(area.width, area.height, self._span, self._fmax_hz, self._step_hz)
            empty = rgbx(stage.look.area)
            self._scroll = Scroll(raster, self._table, *db_range(self.options["range_db"]), empty)
        self._scroll.follow(self._powers, self._changed)
        self._scroll.paint(stage, area)

    def compose(self, stage: Stage) -> None:
        if not self._loaded or not self._loaded["level_db"].size:
            return
        times_s, hz = self._loaded["times_s"] - self.now_s, self._loaded["frequencies_hz"]
        half_s, half_hz = self._hop_s / 2, self._step_hz / 2
        limits = self._axes.axis()
        low, high = db_range(self.options["range_db"])
        self._axes.imshow(
            self._loaded["level_db"],
            cmap=self.options["cmap"],
            vmin=low,
            vmax=high,
            origin="lower",
            aspect="auto",
            interpolation="nearest",
            extent=(times_s[0] - half_s, times_s[-1] + half_s, hz[0] - half_hz, hz[-1] + half_hz),
        )
        self._axes.axis(limits)
        for first, last in runs(np.isnan(self._loaded["level_db"][0])):
            stage.span(self._axes, times_s[first] - half_s, times_s[last - 1] + half_s)

    def value_at(self, x_px: float, y_px: float) -> Reading | None:
        found = None if self.stage is None else self.stage.to_data(self._axes, x_px, y_px)
        if self.stage is None or found is None or self._scroll is None or self._powers is None:
            return None
        area, raster, rows = self.stage.areas[self._axes], self._scroll.raster, self._powers
        column = self._scroll.stop - raster.width + int(x_px * self.stage.size.ratio) - area.left
        line = area.bottom - 1 - int(y_px * self.stage.size.ratio)
        first, stop = raster.first_segments(rows, column, column + 2).tolist()
        low, high = [*raster.first_bins().tolist(), raster.bins()][line : line + 2]
        cell = rows.rows(first, max(stop, first + 1))[:, low : max(high, low + 1)]
        if first < rows.first or not cell.size:
            return None
        part, place = np.unravel_index(int(np.argmax(cell)), cell.shape)
        time_s = float(rows.times_s(first + int(part), first + int(part) + 1)[0])
        hz, value = (low + int(place)) * self._step_hz, float(decibels(cell[part, place]))
        level = "missing" if np.isnan(value) else f"{number(round(value, 1))} dB"
        return Reading(time_s, hz, value, f"{time_s:.3f} s, {number(round(hz, 1))} Hz: {level}")

    def arrays(self) -> Arrays:
        if self._powers is None or self._powers.first == self._powers.stop:
            return {}
        rows = self._powers
        first = max(rows.first, rows.stop - round(self._span / rows.hop))
        bins = int(self._fmax_hz / self._step_hz + 1e-9) + 1
        return {
            "times_s": rows.times_s(first, rows.stop),
            "frequencies_hz": np.arange(bins) * self._step_hz,
            "level_db": np.ascontiguousarray(decibels(rows.rows(first, rows.stop)[:, :bins]).T),
        }

    def _made_for(self, rate: int) -> GridRows:
        seconds, nperseg, overlap, window, channel = self._key
        capacity = int(seconds * rate / hop_of(nperseg, overlap)) + 8
        return segment_powers(nperseg, overlap, window, capacity, channel)

    @property
    def _span(self) -> float:
        """What is shown, in samples."""
        return float(self.options["seconds"] * self._rate)

    @property
    def _step_hz(self) -> float:
        return float(self._rate / self.options["nperseg"])

    @property
    def _hop_s(self) -> float:
        return hop_of(self.options["nperseg"], self.options["overlap"]) / self._rate if self._rate else 0.0

    @property
    def _fmax_hz(self) -> float:
        highest = self._rate / 2 if self._rate else 24000.0
        return float(min(self.options["fmax_hz"] or highest, highest))
