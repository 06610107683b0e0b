"""Pixels as JPEG."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from smallrtc_lab.plots.jpeg import to_jpeg


def decoded(jpeg: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB"))


def test_a_thin_coloured_line_keeps_its_colour() -> None:
    """A line one pixel wide comes out as red as it was: colours have the picture's full resolution."""
    pixels = np.full((40, 60, 4), 255, np.uint8)
    pixels[20, :, :3] = (214, 39, 40)
    line = decoded(to_jpeg(pixels, 85))[20, 5:55].mean(axis=0)
    assert line == pytest.approx((214, 39, 40), abs=25)


def test_a_line_of_two_device_pixels_keeps_its_colour() -> None:
    """At two device pixels a CSS pixel a line as wide as that keeps its colour with half of the resolution, in less."""
    pixels = np.full((40, 60, 4), 255, np.uint8)
    pixels[20:22, :, :3] = (214, 39, 40)
    half = to_jpeg(pixels, 85, 2.0)
    line = decoded(half)[20:22, 5:55].mean(axis=(0, 1))
    assert line == pytest.approx((214, 39, 40), abs=40)
    assert len(half) < len(to_jpeg(pixels, 85))


def test_each_shape_of_pixels() -> None:
    """RGBX, RGB and gray give the same picture of the same pixels."""
    gray = np.tile(np.arange(64, dtype=np.uint8) * 4, (32, 1))
    colours = np.repeat(gray[..., None], 3, axis=2)
    rgbx = np.dstack([colours, np.full_like(gray, 255)])
    for pixels in (gray, colours, rgbx):
        assert np.abs(decoded(to_jpeg(pixels, 95)).astype(int) - colours).max() < 12


def test_quality_is_size() -> None:
    """A lower quality takes fewer bytes."""
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 4)).astype(np.uint8)
    assert len(to_jpeg(noise, 30)) < len(to_jpeg(noise, 80)) / 1.5
