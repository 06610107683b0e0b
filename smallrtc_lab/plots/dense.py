"""A line through more values than there are pixels: each column of pixels shows the least and the largest of its own.

matplotlib draws such a line, too, but takes tens of milliseconds for ten thousand values.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .stage import Area, Stage

__all__ = ["DENSE", "draw_dense"]

DENSE = 3  # values a pixel from which on this looks as the line does
_THICKNESS = 1.4  # CSS pixels


def draw_dense(
    stage: Stage,
    area: Area,
    values: npt.NDArray[np.float32],
    starts: npt.NDArray[np.intp],
    limits: tuple[float, float],
    colour: str,
) -> None:
    """Column i of an area shows ``values[starts[i]:starts[i + 1]]``; (area.width + 1,) ``starts`` do not go down.

    A column that starts before 0 is left out. ``limits`` are the values at the area's bottom and top; NaN is not drawn.
    """
    columns = np.flatnonzero((starts[:-1] >= 0) & (starts[:-1] < len(values)))
    if not len(columns):
        return
    kept, first = values[: max(1, starts[-1])], starts[columns]
    before = values[np.maximum(0, first - 1)]  # each bar begins where the last one ended
    low, high = limits
    ends = [one(one.reduceat(kept, first), before) for one in (np.minimum, np.maximum)]
    bottom, top = (area.height * (high - end.astype(np.float64)) / (high - low) for end in ends)
    slack = np.maximum(0, _THICKNESS * stage.size.ratio - (bottom - top)) / 2
    stage.bars(area, columns, top - slack, bottom + slack, colour)
