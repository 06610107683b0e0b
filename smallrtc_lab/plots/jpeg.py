"""Pixels as JPEG."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

__all__ = ["to_jpeg"]


def to_jpeg(pixels: npt.NDArray[np.uint8], quality: int = 80, ratio: float = 1.0) -> bytes:
    """A JPEG file of (h, w, 4) RGBX, (h, w, 3) RGB or (h, w) gray, C-contiguous, with ``quality`` from 1 to 95.

    Colours have the resolution of the picture (4:4:4): with less, thin coloured lines turn gray. With a ``ratio`` of
    two device pixels a CSS pixel, or more, lines are two wide, and half that resolution (4:2:0) looks the same and
    takes a third less of time and bytes.
    """
    modes: dict[Any, str] = {4: "RGBX", 3: "RGB"}
    mode = "L" if pixels.ndim == 2 else modes[pixels.shape[2]]
    height, width = pixels.shape[:2]
    image = Image.frombuffer(mode, (width, height), pixels, "raw", mode, 0, 1)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, subsampling=2 if ratio >= 2 else 0)
    return buffer.getvalue()
