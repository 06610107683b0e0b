"""Pictures made to fit: even sides, a largest and a least size, the right way up."""

from __future__ import annotations

import av
import numpy as np
import pytest

from smallrtc_lab.media.convert import to_picture
from smallrtc_lab.media.fit import Fitter, fitted_size


@pytest.mark.parametrize(
    ("size", "fitted"),
    [
        ((640, 480), (640, 480)),
        ((641, 481), (640, 480)),
        ((3840, 2160), (1920, 1080)),
        ((1000, 4000), (270, 1080)),
        ((8, 8), (16, 16)),
        ((5, 3), (30, 18)),
    ],
)
def test_sizes(size: tuple[int, int], fitted: tuple[int, int]) -> None:
    """Even, within 1920×1080, and at least a macroblock."""
    assert fitted_size(*size, (1920, 1080)) == fitted


def test_the_pixels_of_a_tiny_picture_stay_apart() -> None:
    """They are made larger, not blurred."""
    image = np.zeros((4, 4, 3), np.uint8)
    image[::2, ::2] = 255
    fitted = Fitter().fit(av.VideoFrame.from_ndarray(image, format="rgb24"))
    assert (fitted.width, fitted.height, fitted.format.name) == (16, 16, "yuv420p")
    gray = to_picture(fitted, "gray")
    assert gray[1, 1] > 240
    assert gray[1, 6] < 15


def test_colours_of_high_definition_become_those_of_webrtc() -> None:
    """BT.709 in, BT.601 out: the same red."""
    image = np.full((64, 64, 3), (200, 30, 30), np.uint8)
    rgb = av.VideoFrame.from_ndarray(image, format="rgb24")
    other = rgb.reformat(format="yuv420p", dst_colorspace=av.video.reformatter.Colorspace.ITU709)
    fitted = Fitter().fit(other)
    assert np.abs(to_picture(fitted, "rgb").astype(int) - (200, 30, 30)).max() <= 3


def test_a_picture_turned_by_a_telephone_stands_upright() -> None:
    """What was written on its side is turned back, all three planes of it."""
    from smallrtc_lab.media.fit import _turned

    image = np.zeros((32, 64, 3), np.uint8)
    image[:, 48:] = (200, 30, 30)  # red on the right
    upright = _turned(av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format="yuv420p"), 1)
    assert (upright.width, upright.height) == (32, 64)
    seen = to_picture(upright, "rgb")
    assert np.abs(seen[4, 16].astype(int) - (200, 30, 30)).max() < 6  # counterclockwise: now at the top
    assert seen[40, 16].max() < 6
