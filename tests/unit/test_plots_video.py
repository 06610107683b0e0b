"""The picture as a plot."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support.plotted import gradient

from smallrtc_lab.frames import VideoFrame
from smallrtc_lab.plots.drawing import Drawing, Moment
from smallrtc_lab.plots.look import colour_table
from smallrtc_lab.plots.making import make_drawing, make_figure


def video(width: int = 640, height: int = 480, ratio: float = 1.0, **options: Any) -> Drawing:
    drawing = make_drawing("video", options)
    drawing.resize(width, height, ratio)
    return drawing


def test_a_picture_of_its_own_size_is_untouched() -> None:
    """Where there is room for each pixel the plot is the picture, and so is its array."""
    shot = gradient(640, 480, 3)
    drawing = video()
    pixels = drawing.draw(None, Moment(3.0, 0, {"camera": shot}))
    assert pixels is not None
    np.testing.assert_array_equal(pixels[..., :3], shot.image)
    np.testing.assert_array_equal(drawing.arrays()["image"], shot.image)
    assert drawing.arrays()["time_s"] == 3.0


@pytest.mark.parametrize("ratio", [1.0, 1.5, 2.0])
def test_the_value_under_the_mouse_is_the_arrays(ratio: float) -> None:
    """A reading counts pixels of the array, also where that is larger or smaller than the plot."""
    for width, height in ((640, 480), (320, 240), (200, 150)):
        shot = gradient(320, 240)
        drawing = video(width, height, ratio)
        drawing.draw(None, Moment(0.0, 0, {"camera": shot}))
        image = drawing.arrays()["image"]
        assert image.shape == (min(240, round(height * ratio)), min(320, round(width * ratio)), 3)
        reading = drawing.value_at(width / 4, height / 2)
        assert reading is not None
        x, y = int(reading.x), int(reading.y)
        assert (x, y) == (pytest.approx(image.shape[1] / 4, abs=1), pytest.approx(image.shape[0] / 2, abs=1))
        assert reading.value == tuple(image[y, x])
        assert reading.text.startswith(f"x {x}, y {y}: RGB")


def test_a_wide_plot_leaves_the_sides_free() -> None:
    """The picture keeps its proportion, in the middle; beside it there is nothing to read."""
    shot = gradient(320, 240)
    drawing = video(640, 240)
    pixels = drawing.draw(None, Moment(0.0, 0, {"camera": shot}))
    assert pixels is not None
    np.testing.assert_array_equal(pixels[:, 160:480, :3], shot.image)
    assert (pixels[:, :160] == 255).all()
    assert drawing.value_at(100, 100) is None


def test_gray_in_a_colour_map() -> None:
    """``format="gray"`` shows the luma that VideoFrame.gray has, in the colours of a map."""
    shot = gradient(320, 240)
    drawing = video(320, 240, format="gray", cmap="viridis")
    pixels = drawing.draw(None, Moment(0.0, 0, {"camera": shot}))
    luma = drawing.arrays()["image"]
    assert luma.shape == (240, 320)
    assert np.abs(luma.astype(int) - VideoFrame(shot.image).gray).max() <= 1
    assert pixels is not None
    np.testing.assert_array_equal(pixels, colour_table("viridis")[luma])
    reading = drawing.value_at(10, 10)
    assert reading is not None
    assert reading.value == luma[10, 10]


def test_only_another_picture_is_drawn() -> None:
    """The same picture of the source gives None; another source has nothing to show."""
    drawing = video()
    assert drawing.draw(None, Moment(0.0, 0, {"camera": gradient(sequence=1)})) is not None
    assert drawing.draw(None, Moment(0.1, 0, {"camera": gradient(sequence=1)})) is None
    assert drawing.draw(None, Moment(0.2, 0, {"camera": gradient(sequence=2)})) is not None
    screen = video(source="screen")
    screen.draw(None, Moment(0.0, 0, {"camera": gradient()}))
    assert screen.arrays() == {}
    assert screen.value_at(100, 100) is None


def test_the_figure_shows_the_array() -> None:
    """The figure holds the image, with pixel axes where they are asked for."""
    shot = gradient(320, 240)
    drawing = video(axes=True, title="Me")
    drawing.draw(None, Moment(0.0, 0, {"camera": shot}))
    axes = make_figure("video", {"axes": True}, drawing.arrays()).axes[0]
    np.testing.assert_array_equal(axes.get_images()[0].get_array(), shot.image)
    assert axes.get_ylim() == (240, 0)
    assert axes.get_yticks().size
    assert not make_figure("video", {}, drawing.arrays()).axes[0].get_yticks().size
