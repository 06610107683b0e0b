"""Plots of every kind, by the interface that all of them share."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib import rc_context
from matplotlib.figure import Figure
from support.plotted import gradient, moment, noise, statistics

from smallrtc_lab.plots.drawing import Moment, Theme
from smallrtc_lab.plots.making import make_drawing, make_figure
from smallrtc_lab.plots.options import KINDS

SOUND = noise(1.0)
MARKS: dict[str, list[dict[str, Any]]] = {
    "waveform": [{"time_s": 100.98, "label": "here"}, {"y": 0.1}],
    "spectrum": [{"y_hz": 440, "label": "a"}, {"y_db": -40}],
    "spectrogram": [{"y_hz": 440, "time_s": 100.5, "label": "a"}],
    "level": [{"y_db": -20, "label": "limit"}],
    "stats": [{"time_s": 100.5, "label": "here"}],
}


def now() -> Moment:
    return moment(SOUND, shots={"camera": gradient()}, statistics=statistics(101.0))


def rendered(figure: Figure) -> np.ndarray:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.array(canvas.buffer_rgba())


@pytest.mark.parametrize("ratio", [1.25, 2.0])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("kind", KINDS)
def test_pixels(kind: str, theme: Theme, ratio: float) -> None:
    """Each kind fills exactly the device pixels, opaque, on the theme's ground, and has nothing new the second time."""
    drawing = make_drawing(kind, {"title": "A title"})
    drawing.resize(333, 217, ratio, theme)
    drawing.mark(MARKS.get(kind, []))
    pixels = drawing.draw(SOUND, now())
    assert pixels is not None
    assert pixels.dtype == np.uint8
    assert pixels.shape == (round(217 * ratio), round(333 * ratio), 4)
    assert (pixels[..., 3] == 255).all()
    assert (pixels[1, 1, :3] == (0x21 if theme == "dark" else 255)).all()
    assert len(np.unique(pixels[..., 0])) > 10
    assert drawing.draw(SOUND, now()) is None
    assert drawing.arrays()


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_has_come_yet(kind: str) -> None:
    """Before anything came there are axes and no arrays; values under the mouse are None everywhere."""
    drawing = make_drawing(kind, {})
    drawing.resize(400, 240)
    assert drawing.value_at(200, 100) is None
    assert drawing.draw(None, Moment(0.0)) is not None
    assert drawing.arrays() == {}
    assert all(drawing.value_at(x, y) is None for x in range(0, 400, 50) for y in range(0, 240, 40))
    assert isinstance(make_figure(kind, {}, {}), Figure)


@pytest.mark.parametrize("kind", KINDS)
def test_the_smallest_and_a_large_one(kind: str) -> None:
    """A plot can be squeezed, and blown up, without an error."""
    for width, height in ((60, 40), (1000, 500)):
        drawing = make_drawing(kind, {"title": "A title"})
        drawing.resize(width, height)
        assert drawing.draw(SOUND, now()) is not None


@pytest.mark.parametrize("kind", KINDS)
def test_the_figure_looks_as_the_plot(kind: str) -> None:
    """A figure made of the arrays alone has the plot's size, and most of its pixels."""
    options = {"width": 480, "height": 260, "title": "A title"}
    drawing = make_drawing(kind, options)
    drawing.mark(MARKS.get(kind, []))
    drawing.resize(480, 260)
    pixels = drawing.draw(SOUND, now())
    figure = make_figure(kind, options, drawing.arrays(), MARKS.get(kind, []))
    assert pixels is not None
    same = (np.abs(rendered(figure).astype(int) - pixels) < 40).all(axis=2)
    assert same.mean() > 0.8, "the plot and its figure differ"


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_process_prefers_does_not_matter(kind: str) -> None:
    """A user's matplotlib settings leave plots and their figures as they are: everything is said explicitly."""
    drawing = make_drawing(kind, {})
    drawing.draw(SOUND, now())
    plain = rendered(make_figure(kind, {}, drawing.arrays()))
    with rc_context(
        {
            "axes.facecolor": "red",
            "axes.grid": True,
            "font.size": 30,
            "xtick.color": "red",
            "lines.linewidth": 9,
        }
    ):
        np.testing.assert_array_equal(rendered(make_figure(kind, {}, drawing.arrays())), plain)


def test_what_is_wrong_is_said_at_once() -> None:
    """Unknown options, styles and colour maps are refused with the nearest right name."""
    with pytest.raises(TypeError, match="did you mean 'nperseg'"):
        make_drawing("spectrum", {"npersg": 1024})
    with pytest.raises(ValueError, match='did you mean "ggplot"'):
        make_drawing("level", {"style": "gplot"})
    with pytest.raises(ValueError, match='did you mean "viridis"'):
        make_drawing("spectrogram", {"cmap": "viridi"})
