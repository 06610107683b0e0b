"""Lines through more values than there are pixels."""

from __future__ import annotations

import numpy as np
import pytest

from smallrtc_lab.plots.dense import draw_dense
from smallrtc_lab.plots.look import LIGHT
from smallrtc_lab.plots.stage import Size, Stage


def ink(values: np.ndarray, ratio: float = 1.0) -> np.ndarray:
    """(100, 200) or more: how much of each pixel of an area from −1 to 1 is inked."""
    stage = Stage(Size(220, 120, ratio), LIGHT)
    axes = stage.axes(10, 10, 10, 10)
    axes.axis("off")
    stage.keep()
    area = stage.areas[axes]
    starts = np.arange(area.width + 1) * len(values) // area.width
    draw_dense(stage, area, values.astype(np.float32), starts, (-1, 1), "#000000")
    return 1 - stage.pixels[area.slices][..., 0] / 255


@pytest.mark.parametrize("ratio", [1.0, 2.0])
def test_each_column_has_its_extremes(ratio: float) -> None:
    """Every column is inked from its largest value to its least, as thick as a line at least."""
    values = np.random.default_rng(0).uniform(-0.9, 0.9, 4000)
    found = ink(values, ratio)
    per = 4000 // found.shape[1]
    for column in range(1, found.shape[1]):
        own = values[column * per - 1 : (column + 1) * per]
        rows = np.flatnonzero(found[:, column] > 0.02)
        edges = (1 - np.array([own.max(), own.min()])) / 2 * found.shape[0]
        assert (rows[0], rows[-1] + 1) == pytest.approx(edges, abs=1.5 * ratio + 0.5)
    assert ink(np.zeros(4000), ratio).sum(axis=0) == pytest.approx(1.4 * ratio, abs=0.02)


def test_the_line_has_no_holes() -> None:
    """Columns of a steep line touch each other."""
    found = ink(0.9 * np.sin(np.linspace(0, 40, 2000))) > 0.3
    for column in range(1, 200):
        one, other = (np.flatnonzero(found[:, c]) for c in (column - 1, column))
        assert one[0] <= other[-1] + 1
        assert other[0] <= one[-1] + 1


def test_what_is_missing_is_not_drawn() -> None:
    """NaN leaves its columns empty, and only those."""
    values = np.zeros(2000)
    values[500:1000] = np.nan
    drawn = ink(values).sum(axis=0) > 0
    assert drawn[:49].all()
    assert not drawn[50:100].any()
    assert drawn[102:].all()
