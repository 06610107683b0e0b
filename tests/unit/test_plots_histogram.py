"""The histogram: NumPy's counts."""

from __future__ import annotations

import numpy as np
import pytest
from support.plotted import gradient

from smallrtc_lab.plots.drawing import Moment
from smallrtc_lab.plots.making import make_drawing, make_figure
from smallrtc_lab.plots.still import StillShot


@pytest.mark.parametrize("bins", [2, 7, 64, 100, 256])
def test_the_counts_are_numpys(bins: int) -> None:
    """Counts and edges equal numpy.histogram of each colour of the whole picture."""
    shot = StillShot(np.random.default_rng(0).integers(0, 256, (111, 77, 3)).astype(np.uint8), 1)
    drawing = make_drawing("histogram", {"bins": bins})
    drawing.draw(None, Moment(0.0, 0, {"camera": shot}))
    shown = drawing.arrays()
    for channel in range(3):
        counts, edges = np.histogram(shot.image[..., channel], bins, (0, 256))
        np.testing.assert_array_equal(shown["counts"][channel], counts)
        np.testing.assert_allclose(shown["edges"], edges)


def test_the_value_under_the_mouse_is_the_arrays() -> None:
    """The reading has the three counts of the bin there, and says which values it counts."""
    drawing = make_drawing("histogram", {"bins": 64})
    drawing.resize(640, 320)
    drawing.draw(None, Moment(0.0, 0, {"camera": gradient()}))
    reading = drawing.value_at(66 + (640 - 66 - 16) / 2 + 2, 100)
    assert reading is not None
    counts = drawing.arrays()["counts"][:, 32]
    assert reading.value == tuple(counts)
    assert reading.text == f"128–131: R {counts[0]}, G {counts[1]}, B {counts[2]}"


@pytest.mark.parametrize("log", [False, True])
def test_the_figure_shows_the_arrays(log: bool) -> None:
    """The figure's three lines step through the counts, on a logarithmic axis where that is asked for."""
    drawing = make_drawing("histogram", {"log": log})
    pixels = drawing.draw(None, Moment(2.0, 0, {"camera": gradient()}))
    assert pixels is not None
    shown = drawing.arrays()
    axes = make_figure("histogram", {"log": log}, shown).axes[0]
    for line, counts in zip(axes.lines, shown["counts"], strict=True):
        np.testing.assert_array_equal(line.get_ydata()[::2], np.maximum(counts, 0.1) if log else counts)
    assert axes.get_yscale() == ("log" if log else "linear")


def test_only_another_picture_is_drawn() -> None:
    """The same picture gives None, and without one there is nothing to read."""
    drawing = make_drawing("histogram", {})
    drawing.draw(None, Moment(0.0))
    assert drawing.arrays() == {}
    assert drawing.value_at(200, 100) is None
    assert drawing.draw(None, Moment(0.0, 0, {"camera": gradient()})) is not None
    assert drawing.draw(None, Moment(0.0, 0, {"camera": gradient()})) is None
