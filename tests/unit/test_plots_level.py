"""The level: as ``lab.level_db`` counts it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support.plotted import moment, noise, tone

from smallrtc_lab.media.level import level_db, peak_db
from smallrtc_lab.plots.drawing import Drawing
from smallrtc_lab.plots.making import make_drawing, make_figure


def level(**options: Any) -> Drawing:
    drawing = make_drawing("level", options)
    drawing.resize(600, 200)
    return drawing


def test_each_block_is_what_the_level_of_the_lab_would_be() -> None:
    """Level and peak of each thirtieth of a second equal media.level of the same samples of all channels."""
    sound = noise(2.0)
    drawing = level(seconds=1.0)
    for end in range(1000, 95001, 1511):
        drawing.draw(sound, moment(sound, end))
    shown = drawing.arrays()
    assert len(shown["times_s"]) == 30
    for time_s, level_, peak in zip(shown["times_s"], shown["level_db"], shown["peak_db"], strict=True):
        first = round((time_s - 100.0) * 48000 - 800)
        block = sound.samples[first : first + 1600]
        assert level_ == pytest.approx(level_db(block), abs=1e-3)
        assert peak == pytest.approx(peak_db(block), abs=1e-3)


def test_a_full_sine_has_minus_3_db() -> None:
    """The convention is that of ``lab.level_db``: root mean square, so a full sine reads −3 dB and its peak 0."""
    sound = tone(1000)
    drawing = level()
    drawing.draw(sound, moment(sound))
    shown = drawing.arrays()
    assert shown["level_db"][-1] == pytest.approx(-3.01, abs=0.05)
    assert shown["peak_db"][-1] == pytest.approx(0, abs=0.01)


def test_a_gap_is_missing_and_not_silence() -> None:
    """Blocks that lack samples are NaN; true silence is −120 dB."""
    sound = tone(1000, 0.0)
    drawing = level()
    drawing.draw(sound, moment(sound))
    assert set(drawing.arrays()["level_db"]) == {-120.0}
    gap = noise(2.0, gaps=[(40000, 16000)])
    drawing = level()
    pixels = drawing.draw(gap, moment(gap))
    assert int(np.isnan(drawing.arrays()["level_db"]).sum()) == 10
    assert pixels is not None


def test_the_meter_stands_at_the_level() -> None:
    """The bar at the right is as high as the newest level on the axis."""
    sound = tone(1000, 0.1)
    drawing = level(range_db=(-46, 0))
    drawing.resize(600, 200, 2.0)
    pixels = drawing.draw(sound, moment(sound))
    assert pixels is not None
    column = pixels[28 : 400 - 88, 1200 - 44, :3].astype(int)
    top = np.flatnonzero((column == column[-1]).all(axis=1)).min()
    assert top / len(column) == pytest.approx(23 / 46, abs=0.01)


def test_the_value_under_the_mouse_is_the_arrays() -> None:
    """The reading is the block that is nearest."""
    sound = noise(3.0)
    drawing = level(seconds=2.0)
    drawing.draw(sound, moment(sound))
    shown = drawing.arrays()
    reading = drawing.value_at(300, 100)
    assert reading is not None
    assert reading.value == shown["level_db"][np.flatnonzero(shown["times_s"] == reading.x)[0]]
    assert reading.x == pytest.approx(103 - 2 + 2 * (300 - 66) / (600 - 66 - 44), abs=0.04)


def test_the_figure_shows_the_arrays() -> None:
    """The figure's lines are level and peak."""
    sound = noise(2.0, gaps=[(40000, 16000)])
    drawing = level()
    drawing.draw(sound, moment(sound))
    shown = drawing.arrays()
    level_line, peak_line = make_figure("level", {}, shown).axes[0].lines[:2]
    np.testing.assert_array_equal(level_line.get_ydata(), shown["level_db"])
    np.testing.assert_array_equal(peak_line.get_ydata(), shown["peak_db"])
