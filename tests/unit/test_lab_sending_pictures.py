"""Whatever can be looked at, as pixels."""

from __future__ import annotations

import io
from typing import Any

import ipywidgets
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.figure import Figure
from PIL import Image

from smallrtc_lab.frames import VideoFrame
from smallrtc_lab.lab.sending_pictures import is_drawn, pixels_of

RED = (200, 30, 30)


def solid(*shape: int) -> np.ndarray:
    return np.full((*shape, 3), RED, np.uint8)


def png(picture: Image.Image) -> bytes:
    content = io.BytesIO()
    picture.save(content, "PNG")
    return content.getvalue()


class Canvas:
    """As ipycanvas has it."""

    def get_image_data(self) -> np.ndarray:
        rgba = np.zeros((20, 30, 4), np.uint8)
        rgba[:, :10] = (*RED, 255)
        rgba[:, 10:20] = (*RED, 128)
        return rgba


def test_arrays_are_taken_as_they_are() -> None:
    """Three channels in the format that is said, one channel, and masks; views become contiguous."""
    image, format = pixels_of(solid(4, 6), "bgr")
    assert (image.shape, format) == ((4, 6, 3), "bgr")
    assert pixels_of(np.zeros((4, 6), np.uint8)).image.shape == (4, 6)
    assert pixels_of(np.ones((4, 6), bool)).image.max() == 255
    assert pixels_of(solid(8, 8)[::2, ::-1]).image.flags.c_contiguous


def test_a_frame_keeps_its_own_format() -> None:
    """What came as BGR is shown as BGR."""
    frame = VideoFrame(image=solid(4, 6), time_s=0.0, source="camera", sequence=0, format="bgr")
    assert pixels_of(frame).format == "bgr"


@pytest.mark.parametrize(
    ("picture", "error", "words"),
    [
        (np.zeros((4, 6, 3)), TypeError, "multiply by 255"),
        (np.zeros((4, 6, 4), np.uint8), ValueError, "leave the alpha channel out"),
        (np.zeros((3, 4, 6), np.uint8), ValueError, "channels come last"),
        ("photo.png", TypeError, "str, which is not an array"),
        (ipywidgets.Image(value=b""), ValueError, "holds no picture yet"),
        (ipywidgets.Image(value=b"nonsense"), ValueError, "no picture that Pillow can read"),
    ],
)
def test_what_is_no_picture_is_said_with_advice(picture: Any, error: type[Exception], words: str) -> None:
    """The sentence names what was got and what to do."""
    with pytest.raises(error, match=words):
        pixels_of(picture)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "1"])
def test_pictures_of_pillow_in_any_mode(mode: str) -> None:
    """All become RGB."""
    image, format = pixels_of(Image.new("RGB", (6, 4), (255, 255, 255)).convert(mode))
    assert (image.shape, format) == ((4, 6, 3), "rgb")
    assert image.min() == 255


def test_what_is_transparent_is_white() -> None:
    """Of a canvas, and half of it where it is half so."""
    seen = pixels_of(Canvas()).image
    assert tuple(seen[5, 5]) == RED
    assert np.abs(seen[5, 15].astype(int) - (227, 142, 142)).max() <= 1
    assert tuple(seen[5, 25]) == (255, 255, 255)
    picture = Image.new("RGBA", (6, 4), (0, 0, 0, 0))
    assert pixels_of(picture).image.min() == 255


@pytest.mark.parametrize("canvas", [FigureCanvasAgg, FigureCanvasPdf])
def test_a_figure_is_drawn_and_keeps_its_canvas(canvas: Any) -> None:
    """As it looks now, at its own size, whatever canvas it has."""
    figure = Figure(figsize=(3.2, 2.4), dpi=100, facecolor="#c81e1e")
    shown = canvas(figure)
    image = pixels_of(figure).image
    assert image.shape == (240, 320, 3)
    assert tuple(image[5, 5]) == RED
    assert figure.canvas is shown
    figure.set_facecolor("#ffffff")
    assert tuple(pixels_of(figure).image[5, 5]) == (255, 255, 255)


def test_a_widget_that_holds_a_picture() -> None:
    """Its bytes are decoded."""
    widget = ipywidgets.Image(value=png(Image.new("RGB", (6, 4), RED)))
    assert tuple(pixels_of(widget).image[2, 2]) == RED


def test_what_looks_different_each_time() -> None:
    """Figures, widgets and canvases do; an array does not."""
    drawn = [Figure(), ipywidgets.Image(), Canvas()]
    assert all(is_drawn(thing) for thing in drawn)
    assert not is_drawn(solid(2, 2))
    assert not is_drawn(iter(()))
