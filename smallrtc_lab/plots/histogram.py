"""The histogram: how many pixels of a picture have which value, for each colour."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from PIL import Image

from .drawing import Arrays, Moment, Pixels, Reading, Sound
from .figured import FigureDrawing
from .furniture import dress, live, margins, short
from .look import POINT
from .scale import Scale
from .stage import Area, Stage

__all__ = ["HistogramDrawing"]

_TINT = 0.22  # below each line
_NAMES = ("R", "G", "B")


class HistogramDrawing(FigureDrawing):
    """``arrays()``: ``counts`` (3, bins) int64 pixels for red, green, blue, of the whole picture as it came; ``edges``
    (bins + 1,) float64 from 0 to 256; ``time_s`` () float64 session seconds. As ``numpy.histogram`` counts.
    """

    kind = "histogram"

    def adopt(self) -> None:
        self._counts: npt.NDArray[np.int64] | None = None
        self._edges = np.linspace(0, 256, self.options["bins"] + 1)
        self._seen: Hashable = None
        self._scale = Scale(10)

    def take(self, sound: Sound | None, moment: Moment) -> bool:
        shot = moment.shots.get(self.options["source"])
        if shot is None or self._seen == shot.sequence:
            return False
        self._seen, self.now_s = shot.sequence, shot.time_s
        self._counts = _counted(shot.rgb(shot.width, shot.height), self._edges)
        self._scale.follow(float(self._counts.max()), self.now_s)
        return True

    def load(self, arrays: Mapping[str, Any]) -> None:
        if "counts" in arrays:
            self._counts, self._edges = np.asarray(arrays["counts"]), np.asarray(arrays["edges"])
            self._scale.follow(float(self._counts.max()), self.now_s)

    def ground(self) -> float:
        return self._scale.value

    def furnish(self, stage: Stage) -> Iterable[Axes]:
        room = margins(stage, bool(self.options["title"]))
        axes = stage.axes(room.left, room.top, room.right, room.bottom)
        dress(stage, axes, "Value", "Pixels")
        axes.set_xlim(0, 256)
        axes.set_xticks([0, 64, 128, 192, 255])
        if self.options["log"]:
            axes.set_yscale("log")
        axes.set_ylim(0.7 if self.options["log"] else 0, self._scale.value)
        axes.yaxis.set_major_formatter(lambda value, _: short(value))
        self._axes, self._curves = axes, []
        for colour in stage.look.rgb:
            (line,) = axes.plot([], [], color=colour, linewidth=1.3 * POINT)
            self._curves.append(live(stage, line))
        return []

    def paint(self, stage: Stage) -> None:
        if self._counts is not None:
            area = stage.areas[self._axes]
            stage.fill_under(area, self._tops(area, self._counts), stage.look.rgb, _TINT)
            self._arrange(self._counts)
            stage.draw(self._axes, self._curves)

    def compose(self, stage: Stage) -> None:
        if self._counts is None:
            return
        self._arrange(self._counts)
        for line, colour in zip(self._curves, stage.look.rgb, strict=True):
            x, y = line.get_data()
            self._axes.fill_between(x, self._axes.get_ylim()[0], y, color=colour, alpha=_TINT, linewidth=0)

    def _arrange(self, all_counts: npt.NDArray[np.int64]) -> None:
        x = np.repeat(self._edges, 2)[1:-1]
        for line, counts in zip(self._curves, all_counts, strict=True):
            line.set_data(x, np.repeat(np.maximum(counts, 0.1) if self.options["log"] else counts, 2))

    def _tops(self, area: Area, all_counts: npt.NDArray[np.int64]) -> list[npt.NDArray[np.float64]]:
        """For each colour (width,): how far below the top of an area its count is, in pixels."""
        values = (np.arange(area.width) + 0.5) / area.width * 256
        bins = np.searchsorted(self._edges, values, "right") - 1
        low, high = self._axes.get_ylim()
        heights = all_counts[:, bins].astype(np.float64)
        if self.options["log"]:
            low, high, heights = np.log10(low), np.log10(high), np.log10(np.maximum(heights, 0.1))
        return list(area.height * (high - heights) / (high - low))

    def value_at(self, x_px: float, y_px: float) -> Reading | None:
        found = None if self.stage is None else self.stage.to_data(self._axes, x_px, y_px)
        if found is None or self._counts is None:
            return None
        index = int(np.clip(np.searchsorted(self._edges, found[0], "right") - 1, 0, len(self._edges) - 2))
        counts = self._counts[:, index]
        first, last = int(np.ceil(self._edges[index])), int(np.ceil(self._edges[index + 1])) - 1
        value = str(first) if first == last else f"{first}–{last}"
        parts = ", ".join(f"{name} {count}" for name, count in zip(_NAMES, counts, strict=True))
        x = float(self._edges[index])
        return Reading(x, float(counts.max()), tuple(float(one) for one in counts), f"{value}: {parts}")

    def arrays(self) -> Arrays:
        if self._counts is None:
            return {}
        return {
            "counts": self._counts.copy(),
            "edges": self._edges.copy(),
            "time_s": np.asarray(self.now_s),
        }


def _counted(image: Pixels, edges: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """(3, bins): Pillow counts the 256 values of each colour in a fifth of the time NumPy takes."""
    values = np.array(Image.fromarray(image).histogram(), np.int64).reshape(3, 256)
    return np.add.reduceat(values, np.ceil(edges[:-1]).astype(np.intp), axis=1)
