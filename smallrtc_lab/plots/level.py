"""The level: how loud it was over the last seconds, and a meter of now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from smallrtc_lab.media.level import SILENCE_DB

from .drawing import Arrays, Float32, Moment, Reading, Sound
from .figured import FigureDrawing
from .furniture import dress, live, margins, number, show_time
from .grid import GridRows, runs
from .look import POINT
from .options import db_range
from .stage import Area, Stage, rgbx

__all__ = ["LevelDrawing"]

_BLOCKS_HZ = 30
_TINT = 0.16  # below the level
_HOLD_S = 1.5  # so long the meter remembers its highest


class LevelDrawing(FigureDrawing):
    """``arrays()``: ``times_s`` (n,) float64 session seconds of the middle of each block, thirty a second; ``level_db``
    and ``peak_db`` (n,) float32, root mean square and largest sample of all channels in dBFS as ``lab.level_db`` has
    them (a sine at full scale has −3 dB), NaN where samples are missing.
    """

    kind = "level"
    flat = frozenset({"y_db"})
    right = 44.0

    def adopt(self) -> None:
        if getattr(self, "_seconds", None) != self.options["seconds"]:
            self._seconds = self.options["seconds"]
            self._blocks: GridRows | None = None
            self._rate = 0
            self._arrays: Arrays = {}

    def take(self, sound: Sound | None, moment: Moment) -> bool:
        if sound is None:
            return False
        if self._blocks is None or self._rate != sound.sample_rate:
            self._rate = sound.sample_rate
            block = max(1, sound.sample_rate // _BLOCKS_HZ)
            self._blocks = _levels(block, int(self._seconds * _BLOCKS_HZ) + 4)
        if self._blocks.update(sound, moment) is None:
            return False
        blocks = self._blocks
        self.now_s = sound.time_s(blocks.stop * blocks.hop)
        first = max(blocks.first, blocks.stop - round(self._seconds * self._rate / blocks.hop))
        rows = blocks.rows(first, blocks.stop)
        self._arrays = {
            "times_s": blocks.times_s(first, blocks.stop),
            "level_db": np.ascontiguousarray(rows[:, 0]),
            "peak_db": np.ascontiguousarray(rows[:, 1]),
        }
        return True

    def load(self, arrays: Mapping[str, Any]) -> None:
        self._arrays = {name: np.asarray(value) for name, value in arrays.items()}
        if len(times_s := self._arrays.get("times_s", np.empty(0))):
            self.now_s = float(times_s[-1]) + 0.5 / _BLOCKS_HZ

    def furnish(self, stage: Stage) -> Iterable[Axes]:
        room, look = margins(stage, bool(self.options["title"]), self.right), stage.look
        low, high = db_range(self.options["range_db"])
        axes = stage.axes(room.left, room.top, room.right, room.bottom)
        dress(stage, axes, show_time(axes, self._seconds), "Level (dBFS)")
        axes.set_ylim(low, high)
        axes.yaxis.set_major_formatter(lambda value, _: number(value))
        (level,) = axes.plot([], [], color=look.lines[0], linewidth=1.4 * POINT, solid_joinstyle="round")
        (peak,) = axes.plot([], [], color=look.soft, linewidth=0.9 * POINT, solid_joinstyle="round")
        self._axes, self._curves = axes, [live(stage, one) for one in (peak, level)]
        self._meter = stage.axes(stage.size.width - self.right + 14, room.top, 14, room.bottom)
        self._meter.set(xlim=(0, 1), ylim=(low, high), facecolor=look.grid, xticks=[], yticks=[])
        for spine in self._meter.spines.values():
            spine.set_visible(False)
        return [axes]

    def paint(self, stage: Stage) -> None:
        if not self._arrays:
            return
        area = stage.areas[self._axes]
        stage.fill_under(area, [self._tops(area)], stage.look.lines[:1], _TINT)
        for first, last in runs(np.isnan(self._arrays["level_db"])):
            edges = np.array([first, last]) - len(self._arrays["level_db"])
            columns = (edges / (_BLOCKS_HZ * self._seconds) + 1) * area.width
            stage.hatch(area, int(columns[0]), int(np.ceil(columns[1])))
        self._arrange()
        stage.draw(self._axes, self._curves)
        self._paint_meter(stage)

    def compose(self, stage: Stage) -> None:
        if not self._arrays:
            return
        self._arrange()
        times_s = self._arrays["times_s"] - self.now_s
        low, level_db = db_range(self.options["range_db"])[0], self._arrays["level_db"]
        self._axes.fill_between(times_s, low, level_db, color=stage.look.lines[0], alpha=_TINT, linewidth=0)
        for first, last in runs(np.isnan(self._arrays["level_db"])):
            stage.span(self._axes, times_s[first], times_s[last - 1])
        now_db, held_db = self._now()
        self._meter.axhspan(low, now_db, color=stage.look.lines[0], linewidth=0)
        self._meter.axhline(held_db, color=stage.look.text, linewidth=2 * POINT)

    def value_at(self, x_px: float, y_px: float) -> Reading | None:
        found = None if self.stage is None else self.stage.to_data(self._axes, x_px, y_px)
        if found is None or not self._arrays:
            return None
        times_s = self._arrays["times_s"]
        index = int(np.argmin(np.abs(times_s - self.now_s - found[0])))
        time_s, value = float(times_s[index]), float(self._arrays["level_db"][index])
        peak = number(round(float(self._arrays["peak_db"][index]), 1))
        level = "missing" if np.isnan(value) else f"{number(round(value, 1))} dB, peak {peak} dB"
        return Reading(time_s, value, value, f"{time_s:.2f} s: {level}")

    def arrays(self) -> Arrays:
        return {name: values.copy() for name, values in self._arrays.items()}

    def _arrange(self) -> None:
        x = self._arrays["times_s"] - self.now_s
        peak, line = self._curves
        peak.set_data(x, self._arrays["peak_db"])
        line.set_data(x, self._arrays["level_db"])

    def _tops(self, area: Area) -> npt.NDArray[np.float64]:
        """(width,): how far below the top of an area the level is, in pixels."""
        low, high = db_range(self.options["range_db"])
        x = (np.arange(area.width) + 0.5) / area.width * self._seconds - self._seconds
        times_s = self._arrays["times_s"] - self.now_s
        level = np.interp(
            x, times_s, self._arrays["level_db"], left=np.nan, right=self._arrays["level_db"][-1]
        )
        tops: npt.NDArray[np.float64] = area.height * (high - level) / (high - low)
        return tops

    def _now(self) -> tuple[float, float]:
        """The level of the newest block, and the highest peak the meter remembers."""
        peaks = self._arrays["peak_db"][-round(_HOLD_S * _BLOCKS_HZ) :]
        level_db = float(self._arrays["level_db"][-1])
        return level_db, float(np.nanmax(peaks)) if np.isfinite(peaks).any() else SILENCE_DB

    def _paint_meter(self, stage: Stage) -> None:
        area = stage.areas[self._meter]
        low, high = db_range(self.options["range_db"])
        level, held = (
            area.bottom - int(np.clip((value - low) / (high - low), 0, 1) * area.height)
            for value in np.nan_to_num(self._now(), nan=low)
        )
        columns = slice(area.left, area.right)
        stage.pixels[level : area.bottom, columns] = rgbx(stage.look.lines[0])
        thick = stage.device(2)
        stage.pixels[max(area.top, held - thick) : max(area.top + thick, held), columns] = rgbx(
            stage.look.text
        )


def _levels(block: int, capacity: int) -> GridRows:
    """Root mean square and peak of each block in dBFS."""

    def levels(samples: Float32) -> npt.NDArray[np.float64]:
        blocks = samples.reshape(-1, block * samples.shape[1]).astype(np.float64)
        both = np.stack([np.sqrt((blocks**2).mean(axis=1)), np.abs(blocks).max(axis=1)], axis=1)
        return np.asarray(np.maximum(SILENCE_DB, 20 * np.log10(np.maximum(both, 1e-12))))

    return GridRows(block, block, capacity, 2, levels)
