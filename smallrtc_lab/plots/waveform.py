"""The waveform: samples against time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from .dense import DENSE, draw_dense
from .drawing import Arrays, Float32, Moment, Reading, Sound
from .figured import FigureDrawing
from .furniture import dress, live, margins, number, show_time
from .grid import runs
from .look import POINT
from .recent import Recent
from .scale import Scale
from .stage import Stage

__all__ = ["WaveformDrawing"]

_TRIGGERED_S = 0.1  # what is longer runs through
_SEARCHED_S = 0.02  # one period of 50 Hz


class WaveformDrawing(FigureDrawing):
    """``arrays()``: ``times_s`` (n,) float64 session seconds; ``samples`` (n,) float32, full scale ±1, NaN in gaps."""

    kind = "waveform"
    flat = frozenset({"y"})

    def adopt(self) -> None:
        self._end = -1
        self._rate = 0
        self._recent: Recent | None = None
        self._position = 0  # of the first sample
        self._first_s = 0.0
        self._samples: Float32 = np.empty(0, np.float32)
        self._scale = Scale(0.01)

    def take(self, sound: Sound | None, moment: Moment) -> bool:
        if sound is None or self._end == moment.end:
            return False
        self._end = moment.end
        count = round(self.options["seconds"] * sound.sample_rate)
        if self._recent is None or self._rate != sound.sample_rate:
            self._rate = sound.sample_rate
            self._recent = Recent(count + self._searched, self.options["channel"])
        self._recent.update(sound, moment)
        end = moment.end - self._shift(count)
        self._position = max(self._recent.first, end - count)
        self._samples = self._recent.samples(self._position, end)
        self._first_s, self.now_s = sound.time_s(self._position), sound.time_s(end)
        self._follow()
        return True

    def load(self, arrays: Mapping[str, Any]) -> None:
        times_s = np.asarray(arrays.get("times_s", ()))
        if len(times_s) < 2:
            return
        self._samples = np.asarray(arrays["samples"])
        self._rate = round(1 / float(times_s[1] - times_s[0]))
        self._first_s, self.now_s = float(times_s[0]), float(times_s[-1])
        self._follow()

    def ground(self) -> float:
        return self._scale.value

    def furnish(self, stage: Stage) -> Iterable[Axes]:
        room = margins(stage, bool(self.options["title"]))
        axes = stage.axes(room.left, room.top, room.right, room.bottom)
        dress(stage, axes, show_time(axes, self.options["seconds"]), "Amplitude")
        axes.set_ylim(*self._limits())
        axes.yaxis.set_major_formatter(lambda value, _: number(value))
        self._axes = axes
        (line,) = axes.plot([], [], color=stage.look.lines[0], linewidth=1.3 * POINT, solid_joinstyle="round")
        self._curve = live(stage, line)
        return [axes]

    def paint(self, stage: Stage) -> None:
        area = stage.areas[self._axes]
        for first, last in self._missing():
            edges = (np.array([first, last]) / self.options["seconds"] + 1) * area.width
            stage.hatch(area, int(edges[0]), int(np.ceil(edges[1])))
        if self.options["seconds"] * self._rate > DENSE * area.width:
            starts, colour = self._starts(area.width), stage.look.lines[0]
            draw_dense(stage, area, self._samples, starts, self._limits(), colour)
        else:
            self._curve.set_data(self._times_s() - self.now_s, self._samples)
            stage.draw(self._axes, [self._curve])

    def compose(self, stage: Stage) -> None:
        for first, last in self._missing():
            stage.span(self._axes, first, last)
        self._curve.set_data(self._times_s() - self.now_s, self._samples)

    def value_at(self, x_px: float, y_px: float) -> Reading | None:
        found = None if self.stage is None else self.stage.to_data(self._axes, x_px, y_px)
        if found is None or not len(self._samples):
            return None
        away = round((found[0] + self.now_s - self._first_s) * self._rate)
        index = min(max(0, away), len(self._samples) - 1)
        time_s, value = float(self._times_s()[index]), float(self._samples[index])
        text = "missing" if np.isnan(value) else number(round(value, 5))
        return Reading(time_s, value, value, f"{time_s:.4f} s: {text}")

    def arrays(self) -> Arrays:
        if not len(self._samples):
            return {}
        return {"times_s": self._times_s(), "samples": self._samples.copy()}

    @property
    def _searched(self) -> int:
        """How many samples before the newest ones the picture may end."""
        if not self.options["trigger"] or self.options["seconds"] > _TRIGGERED_S:
            return 0
        return round(_SEARCHED_S * self._rate)

    def _shift(self, count: int) -> int:
        """How many samples before the newest one the picture ends, to begin where the sound rises through zero.

        Of all such places it is the one before the highest peak: the same in every period of a sound that repeats.
        """
        recent = self._recent
        if recent is None or not self._searched or recent.end - recent.first < count + self._searched:
            return 0
        first = recent.end - count - self._searched
        looked_at = recent.samples(first, first + self._searched + 1)
        if np.isnan(looked_at).any():
            return 0
        rising = np.flatnonzero((looked_at[:-1] < 0) & (looked_at[1:] >= 0)) + 1
        before = rising[rising <= int(looked_at.argmax())]
        return self._searched - int(before[-1]) if len(before) else 0

    def _times_s(self) -> npt.NDArray[np.float64]:
        return self._first_s + np.arange(len(self._samples)) / max(1, self._rate)

    def _limits(self) -> tuple[float, float]:
        found: tuple[float, float] = self.options["ylim"] or (-self._scale.value, self._scale.value)
        return found

    def _follow(self) -> None:
        low, high = (self._samples.min(), self._samples.max()) if len(self._samples) else (0.0, 0.0)
        self._has_gaps = bool(np.isnan(low))
        if self._has_gaps:
            low, high = np.fmin.reduce(self._samples), np.fmax.reduce(self._samples)
        self._scale.follow(max(-float(low), float(high)), self.now_s)

    def _missing(self) -> list[tuple[float, float]]:
        """Where samples are missing, (from, to) in seconds relative to now."""
        if not len(self._samples) or not self._has_gaps:
            return []
        start_s = self._first_s - self.now_s
        found = runs(np.isnan(self._samples))
        return [(start_s + first / self._rate, start_s + last / self._rate) for first, last in found]

    def _starts(self, width: int) -> npt.NDArray[np.intp]:
        """(width + 1,): the samples at which columns of pixels begin; columns stand on a grid of positions."""
        pitch = self.options["seconds"] * self._rate / width
        stop = int((self._position + len(self._samples)) / pitch)
        positions: npt.NDArray[np.intp] = np.round(np.arange(stop - width, stop + 1) * pitch).astype(np.intp)
        return positions - self._position
