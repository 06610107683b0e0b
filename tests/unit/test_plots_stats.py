"""Figures of the connection over time."""

from __future__ import annotations

import numpy as np
from support.plotted import statistics

from smallrtc_lab.plots.drawing import Moment
from smallrtc_lab.plots.making import make_drawing, make_figure

NAMES = {"names": ["fps", "delay_ms", "rtt_ms"], "seconds": 5}


def test_the_arrays_are_the_rows() -> None:
    """The array has the chosen fields of the last seconds, NaN where a figure was not known."""
    table = statistics(50.0)
    drawing = make_drawing("stats", NAMES)
    assert drawing.draw(None, Moment(50.0, statistics=table)) is not None
    shown = drawing.arrays()
    assert list(shown) == ["times_s", "fps", "delay_ms", "rtt_ms"]
    np.testing.assert_array_equal(shown["times_s"], table["time_s"][-11:])
    np.testing.assert_array_equal(shown["fps"], table["fps"][-11:])
    assert np.isnan(shown["rtt_ms"]).all()


def test_only_new_rows_are_drawn() -> None:
    """Without a new row there is no new picture."""
    drawing = make_drawing("stats", NAMES)
    assert drawing.draw(None, Moment(50.0, statistics=statistics(50.0))) is not None
    assert drawing.draw(None, Moment(50.2, statistics=statistics(50.0))) is None
    assert drawing.draw(None, Moment(50.6, statistics=statistics(50.5))) is not None


def test_a_field_that_does_not_exist_is_said_in_its_place() -> None:
    """A misspelt field takes its row, where the nearest right one is named; the others are shown."""
    drawing = make_drawing("stats", {"names": ["dealy_ms", "fps"]})
    drawing.draw(None, Moment(50.0, statistics=statistics(50.0)))
    assert list(drawing.arrays()) == ["times_s", "fps"]
    axes = drawing.stage.figure.axes[0]  # type: ignore[attr-defined]
    assert axes.texts[0].get_text() == "dealy_ms: there is no such field; did you mean delay_ms?"


def test_the_value_under_the_mouse_is_the_arrays() -> None:
    """The reading is the row nearest in time, of the field the mouse is over."""
    drawing = make_drawing("stats", NAMES)
    drawing.resize(640, 320)
    drawing.draw(None, Moment(50.0, statistics=statistics(50.0)))
    shown = drawing.arrays()
    texts = []
    for y in (60, 150, 240):
        reading = drawing.value_at(400, y)
        assert reading is not None
        index = int(np.flatnonzero(shown["times_s"] == reading.x)[0])
        texts.append(reading.text)
    assert texts[0] == f"{shown['times_s'][index]:.1f} s: fps {shown['fps'][index]:g}"
    assert "delay_ms 50" in texts[1]
    assert texts[2].endswith("rtt_ms not known")
    assert drawing.value_at(20, 60) is None


def test_the_figure_shows_the_arrays() -> None:
    """The figure has an axis a field, each with its line and its newest value."""
    drawing = make_drawing("stats", NAMES)
    drawing.draw(None, Moment(50.0, statistics=statistics(50.0)))
    figure = make_figure("stats", NAMES, drawing.arrays(), [{"time_s": 48.0, "label": "here"}])
    assert len(figure.axes) == 3
    np.testing.assert_array_equal(figure.axes[0].lines[0].get_ydata(), drawing.arrays()["fps"])
    assert [text.get_text() for text in figure.axes[0].texts] == ["fps", "31", " here "]
