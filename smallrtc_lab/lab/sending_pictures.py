"""Whatever a person has that can be looked at, as pixels: arrays, frames, pictures of Pillow's, figures, widgets."""

from __future__ import annotations

import io
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from smallrtc_lab.frames import PixelFormat, VideoFrame

from .results import as_picture

__all__ = ["Pixels", "is_drawn", "pixels_of"]


_FORMATS = ("rgb", "bgr", "gray")


class Pixels(NamedTuple):
    """``image`` is contiguous uint8, (H, W) or (H, W, 3) in that ``format``."""

    image: npt.NDArray[np.uint8]
    format: PixelFormat


def is_drawn(thing: Any) -> bool:
    """Whether it is a figure, a widget or a canvas: one thing that looks different each time it is asked."""
    return _is_figure(thing) or _holds_bytes(thing) or hasattr(thing, "get_image_data")


def pixels_of(thing: Any, format: PixelFormat = "rgb") -> Pixels:
    """The pixels of ``thing``, as it looks now; ``format`` says what those of a plain array are.

    Transparent places of figures, canvases and Pillow's pictures are white. Raises :class:`TypeError` or
    :class:`ValueError`, with words that help, for what is no picture.
    """
    if format not in _FORMATS:
        raise ValueError(f'format is "rgb", "bgr" or "gray", not {format!r}')
    if isinstance(thing, VideoFrame):
        return Pixels(_checked(thing.image), thing.format)
    if _is_figure(thing):
        return Pixels(_on_white(_drawn(thing)), "rgb")
    if hasattr(thing, "get_image_data"):
        return Pixels(_on_white(np.asarray(thing.get_image_data())), "rgb")
    if _holds_bytes(thing):
        return Pixels(_decoded(bytes(thing.value)), "rgb")
    if hasattr(thing, "convert") and hasattr(thing, "getbands"):
        return Pixels(_of_pillow(thing), "rgb")
    return Pixels(_checked(thing), format)


def _checked(thing: Any) -> npt.NDArray[np.uint8]:
    picture = as_picture(thing)
    assert picture is not None
    return picture


def _is_figure(thing: Any) -> bool:
    return hasattr(thing, "savefig") and hasattr(thing, "set_canvas")


def _holds_bytes(thing: Any) -> bool:
    """As ``ipywidgets.Image`` does; ``value`` is an encoded picture."""
    return isinstance(getattr(thing, "value", None), (bytes, memoryview)) and not isinstance(
        thing, np.ndarray
    )


def _drawn(figure: Any) -> npt.NDArray[np.uint8]:
    """(H, W, 4) of a matplotlib figure, drawn by Agg whatever canvas it has, which it keeps."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    shown = figure.canvas
    try:
        canvas = shown if type(shown) is FigureCanvasAgg else FigureCanvasAgg(figure)
        canvas.draw()
        return np.array(canvas.buffer_rgba())
    finally:
        if figure.canvas is not shown:
            figure.set_canvas(shown)


def _on_white(rgba: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    if rgba.ndim != 3 or rgba.shape[2] != 4:
        return _checked(rgba)
    alpha = rgba[:, :, 3:].astype(np.uint16)
    if alpha.min() == 255:
        return np.ascontiguousarray(rgba[:, :, :3], np.uint8)
    mixed = (rgba[:, :, :3] * alpha + 255 * (255 - alpha) + 127) // 255
    return np.ascontiguousarray(mixed, np.uint8)


def _decoded(content: bytes) -> npt.NDArray[np.uint8]:
    from PIL import Image, UnidentifiedImageError

    if not content:
        raise ValueError("the widget holds no picture yet: its value is empty")
    try:
        return _of_pillow(Image.open(io.BytesIO(content)))
    except UnidentifiedImageError:
        raise ValueError("the widget's value is no picture that Pillow can read") from None


def _of_pillow(picture: Any) -> npt.NDArray[np.uint8]:
    transparent = "A" in picture.getbands() or "transparency" in picture.info
    return _on_white(np.asarray(picture.convert("RGBA" if transparent else "RGB")))
