"""The histogram: how many pixels of a picture have which value, for each colour."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.patches import Polygon
from PIL import Image

from .drawing import Arrays, Moment, Pixels, Reading, Sound
from .figured import FigureDrawing
from .furniture import dress, live, margins, short
from .look import POINT
from .scale import Scale
from .stage import Stage

__all__ = ["HistogramDrawing"]

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
        self._axes, self._shapes = axes, []
        for colour in stage.look.rgb:
            filled = axes.add_patch(Polygon(np.zeros((1, 2)), color=colour, alpha=0.22, linewidth=0))
            (line,) = axes.plot([], [], color=colour, linewidth=1.3 * POINT)
            self._shapes.append((live(stage, filled), live(stage, line)))
        return []

    def paint(self, stage: Stage) -> None:
        if self._counts is not None:
            self.compose(stage)
            stage.draw(self._axes, [artist for pair in self._shapes for artist in pair])

    def compose(self, stage: Stage) -> None:
        if self._counts is None:
            return
        x = np.repeat(self._edges, 2)
        for (filled, line), counts in zip(self._shapes, self._counts, strict=True):
            outline = np.concatenate([[0], np.repeat(counts, 2), [0]])
            if self.options["log"]:
                outline = np.maximum(outline, 0.1)
            filled.set_xy(np.column_stack([x, outline]))
            line.set_data(x[1:-1], outline[1:-1])

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
