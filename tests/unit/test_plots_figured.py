"""What all drawings share: backgrounds that are kept, marks, options, threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from support.plotted import RATE, moment, noise, tone

from smallrtc_lab.plots.drawing import Drawing, Moment
from smallrtc_lab.plots.making import make_drawing

SOUND = noise(3.0)
LEFT, RIGHT = 66, 16


def level(**options: Any) -> Drawing:
    drawing = make_drawing("level", {"seconds": 2.0} | options)
    drawing.resize(600, 200)
    return drawing


def marked_column(drawing: Drawing, end: int, marks: list[dict[str, Any]]) -> float | None:
    """Where a mark is seen, in pixels: the middle of the columns that differ from those of a plot without one."""
    plain = make_drawing(drawing.kind, {"seconds": 2.0})
    plain.resize(600, 200)
    without = plain.draw(SOUND, moment(SOUND, end))
    drawing.mark(marks)
    with_mark = drawing.draw(SOUND, moment(SOUND, end))
    assert without is not None
    assert with_mark is not None
    columns = np.flatnonzero((without[20:150] != with_mark[20:150]).any(axis=(0, 2)))
    return float(columns.mean()) if len(columns) else None


def test_a_mark_in_time_moves_with_the_sound() -> None:
    """A mark stands at its session time, wanders to the left with it, and is gone behind the axis."""
    drawing = make_drawing("waveform", {"seconds": 2.0})
    drawing.resize(600, 200)
    marks = [{"time_s": 101.0}]
    width = 600 - LEFT - RIGHT
    for end_s, share in ((2.0, 0.5), (2.5, 0.25)):
        column = marked_column(drawing, round(end_s * RATE), marks)
        assert column == pytest.approx(LEFT + share * width, abs=2)
    assert marked_column(drawing, 3 * RATE, [{"time_s": 100.5}]) is None
    assert marked_column(drawing, 3 * RATE, []) is None


def test_a_mark_stands_at_its_frequency() -> None:
    """``y_hz`` is upright in a spectrum, and lies across a spectrogram, at the frequency's place on the axis."""
    for kind, axis, place in (
        ("spectrum", 0, 66 + (640 - 66 - 16) / 4),
        ("spectrogram", 1, 14 + (320 - 58) * 0.75),
    ):
        plain, marked = make_drawing(kind, {}), make_drawing(kind, {})
        marked.mark([{"y_hz": 2000}])
        pictures = [drawing.draw(SOUND, moment(SOUND)) for drawing in (plain, marked)]
        rows, columns = np.nonzero((pictures[0] != pictures[1]).any(axis=2))  # type: ignore[union-attr]
        assert np.mean(rows if axis else columns) == pytest.approx(place, abs=2)


def test_a_wrong_option_changes_nothing() -> None:
    """An option that is refused leaves the plot as it was, with what else was given beside it."""
    drawing = level()
    drawing.draw(SOUND, moment(SOUND))
    for wrong in ({"style": "gplot"}, {"seconds": -1}, {"secods": 1}):
        with pytest.raises((TypeError, ValueError)):
            drawing.set({"title": "New"} | wrong)
    assert drawing.draw(SOUND, moment(SOUND)) is None
    drawing.set({"title": "New"})
    assert drawing.draw(SOUND, moment(SOUND)) is not None


def test_a_new_size_or_theme_is_drawn_with_what_is_there() -> None:
    """After a resize the same moment is drawn again, without any sound, too; the same size again is nothing new."""
    drawing = level()
    drawing.draw(SOUND, moment(SOUND))
    drawing.resize(600, 200)
    assert drawing.draw(None, Moment(0.0)) is None
    for size in ((500, 200, 1.0, "light"), (500, 200, 2.0, "light"), (500, 200, 2.0, "dark")):
        drawing.resize(*size)  # type: ignore[arg-type]
        pixels = drawing.draw(None, Moment(0.0))
        assert pixels is not None
        assert pixels.shape == (200 * size[2], 500 * size[2], 4)
        assert len(drawing.arrays()["times_s"]) == 60


def test_styles() -> None:
    """``style`` overrules the page's theme; a matplotlib style brings its own colours."""
    grounds = {}
    for style in (None, "light", "dark", "ggplot", "dark_background", "Solarize_Light2"):
        drawing = level(style=style)
        drawing.resize(600, 200, 1.0, "dark")
        pixels = drawing.draw(SOUND, moment(SOUND))
        assert pixels is not None
        grounds[style] = tuple(pixels[2, 2, :3].tolist())
    assert grounds[None] == grounds["dark"] == (0x21, 0x21, 0x21)
    assert grounds["light"] == (255, 255, 255)
    assert grounds["dark_background"] == (0, 0, 0)
    assert grounds["Solarize_Light2"] == (0xFD, 0xF6, 0xE3)


def test_two_threads_do_not_disturb_each_other() -> None:
    """Drawings of different looks, drawn at once in threads of their own, are those drawn one after the other."""

    def pictures(style: str) -> list[np.ndarray]:
        found = []
        for kind in ("waveform", "spectrum", "level", "spectrogram"):
            drawing = make_drawing(kind, {"style": style, "title": style})
            for end in range(60000, 75000, 5000):
                pixels = drawing.draw(SOUND, moment(SOUND, end))
                assert pixels is not None
                found.append(pixels.copy())
        return found

    styles = ("light", "dark", "ggplot")
    alone = [pictures(style) for style in styles]
    with ThreadPoolExecutor(3) as threads:
        together = list(threads.map(pictures, styles))
    for one, other in zip(alone, together, strict=True):
        for before, after in zip(one, other, strict=True):
            np.testing.assert_array_equal(before, after)


def test_frozen_plots_show_the_same_samples() -> None:
    """Two plots that draw the same moment, one long after, show the same samples, whatever has come since."""
    sound = tone(1000, 0.5, 3.0)
    frozen = moment(sound, 2 * RATE)
    first, second = (make_drawing(kind, {"seconds": 0.5}) for kind in ("waveform", "level"))
    first.draw(sound, frozen)
    second.draw(sound, moment(sound, RATE))
    second.draw(sound, frozen)
    assert first.arrays()["times_s"][-1] == pytest.approx(2.0 - 1 / RATE)
    assert second.arrays()["times_s"][-1] == pytest.approx(2.0 - 1 / 60)
