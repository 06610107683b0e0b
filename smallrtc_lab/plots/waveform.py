"""The waveform: samples against time."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from .drawing import Arrays, Moment, Reading, Sound
from .figured import FigureDrawing
from .furniture import dress, live, margins, number, show_time
from .grid import runs
from .look import POINT
from .scale import Scale
from .spectra import mixed
from .stage import Stage

__all__ = ["WaveformDrawing"]

_DENSE = 4  # samples a device pixel: with more, the least and the largest of each pixel are drawn


class WaveformDrawing(FigureDrawing):
    """``arrays()``: ``times_s`` (n,) float64 session seconds; ``samples`` (n,) float32, full scale ±1, NaN in gaps."""

    kind = "waveform"
    flat = frozenset({"y"})

    def adopt(self) -> None:
        self._end = -1
        self._position = 0
        self._samples = np.empty(0, np.float32)
        self._times_s = np.empty(0)
        self._scale = Scale(0.01)

    def take(self, sound: Sound | None, moment: Moment) -> bool:
        if sound is None or self._end == moment.end:
            return False
        self._end = moment.end
        first = max(sound.start, moment.end - round(self.options["seconds"] * sound.sample_rate))
        samples, gaps = sound.read(first, max(0, moment.end - first))
        self._samples = mixed(samples, self.options["channel"]).astype(np.float32)
        for position, length in gaps:
            self._samples[max(0, position - first) : max(0, position + length - first)] = np.nan
        self._position = first
        self._times_s = sound.time_s(first) + np.arange(len(samples)) / sound.sample_rate
        self.now_s = sound.time_s(moment.end)
        self._follow()
        return True

    def load(self, arrays: Mapping[str, Any]) -> None:
        if len(arrays.get("times_s", ())):
            self._samples, self._times_s = np.asarray(arrays["samples"]), np.asarray(arrays["times_s"])
            self.now_s = float(self._times_s[-1])
            self._follow()

    def ground(self) -> Hashable:
        return self._scale.value

    def furnish(self, stage: Stage) -> Iterable[Axes]:
        room = margins(stage, bool(self.options["title"]))
        axes = stage.axes(room.left, room.top, room.right, room.bottom)
        dress(stage, axes, show_time(axes, self.options["seconds"]), "Amplitude")
        axes.set_ylim(*(self.options["ylim"] or (-self._scale.value, self._scale.value)))
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
        self._curve.set_data(*self._outline(area.width))
        stage.draw(self._axes, [self._curve])

    def compose(self, stage: Stage) -> None:
        for first, last in self._missing():
            stage.span(self._axes, first, last)
        self._curve.set_data(self._times_s - self.now_s, self._samples)

    def value_at(self, x_px: float, y_px: float) -> Reading | None:
        found = None if self.stage is None else self.stage.to_data(self._axes, x_px, y_px)
        if found is None or not len(self._samples):
            return None
        index = int(np.clip(np.searchsorted(self._times_s - self.now_s, found[0]), 0, len(self._samples) - 1))
        time_s, value = float(self._times_s[index]), float(self._samples[index])
        text = "missing" if np.isnan(value) else number(round(value, 5))
        return Reading(time_s, value, value, f"{time_s:.4f} s: {text}")

    def arrays(self) -> Arrays:
        if not len(self._samples):
            return {}
        return {"times_s": self._times_s.copy(), "samples": self._samples.copy()}

    def _follow(self) -> None:
        peak = float(np.nanmax(np.abs(self._samples), initial=0.0)) if len(self._samples) else 0.0
        self._scale.follow(peak, self.now_s)

    def _missing(self) -> list[tuple[float, float]]:
        """Where samples are missing, (from, to) in seconds relative to now."""
        step_s = 0.0 if len(self._times_s) < 2 else float(self._times_s[1] - self._times_s[0])
        times_s = np.append(self._times_s, self._times_s[-1:] + step_s) - self.now_s
        return [(float(times_s[a]), float(times_s[b])) for a, b in runs(np.isnan(self._samples))]

    def _outline(self, width: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """x and y of the line: the samples, or the least and largest of each stretch of them where they are many."""
        count = len(self._samples)
        step = int(np.ceil(count / max(1, width)))
        x = self._times_s - self.now_s
        if step <= _DENSE:
            return x, self._samples
        skip = (
            -self._position % step
        )  # stretches lie on a grid of positions, so that the picture does not tremble
        whole = (count - skip) // step * step
        blocks = self._samples[skip : skip + whole].reshape(-1, step)
        y = np.stack([blocks.min(axis=1), blocks.max(axis=1)], axis=1).reshape(-1)
        return np.repeat(x[skip : skip + whole : step], 2), y
