"""What counts as a picture, and what is said about everything else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from smallrtc_lab.frames import VideoFrame
from smallrtc_lab.media.picture import check_format, check_picture, picture_bytes, picture_shape


def test_a_good_picture_passes_untouched() -> None:
    """A uint8 picture is handed on without a copy, whatever its strides."""
    image = np.zeros((4, 6, 3), np.uint8)[::2, ::-1]
    assert check_picture(image) is image
    gray = np.zeros((4, 6), np.uint8)
    assert check_picture(gray) is gray


def test_a_mask_becomes_black_and_white() -> None:
    """True becomes 255 and False 0."""
    mask = np.arange(12).reshape(3, 4) > 5
    assert np.array_equal(check_picture(mask), np.where(mask, 255, 0))
    assert check_picture(mask[:, ::2]).dtype == np.uint8


def test_what_knows_how_to_become_an_array_is_one() -> None:
    """A VideoFrame, or anything else with __array__, passes as its pixels."""
    frame = VideoFrame(np.full((2, 2, 3), 9, np.uint8))
    assert np.array_equal(check_picture(frame), frame.image)


@pytest.mark.parametrize(
    ("image", "error", "words"),
    [
        (np.zeros((4, 4)), TypeError, r"multiply by 255\?"),
        (np.full((4, 4, 3), 0.5, np.float32), TypeError, r"multiply by 255\?"),
        (np.full((4, 4, 3), 80.0), TypeError, "between 80 and 80"),
        (np.full((4, 4), np.nan), TypeError, "float64"),
        (np.zeros((4, 4), np.int64), TypeError, r"int64.*uint8 or bool.*astype"),
        (np.zeros((4, 4, 4), np.uint8), ValueError, "alpha"),
        (np.zeros((4, 4, 1), np.uint8), ValueError, r"picture\[:, :, 0\]"),
        (np.zeros((3, 40, 40), np.uint8), ValueError, "channels come last"),
        (np.zeros(7, np.uint8), ValueError, r"shape \(7,\)"),
        (np.zeros((0, 4, 3), np.uint8), ValueError, "at least one pixel"),
        (np.zeros((0, 4)), TypeError, "float64"),
        ("picture", TypeError, "got str"),
        (None, TypeError, "got NoneType"),
        ([[1, 2], [3, 4]], TypeError, "got list"),
    ],
)
def test_nonsense_is_named(image: Any, error: type[Exception], words: str) -> None:
    """Each wrong picture raises with a sentence that names what was got and what is wanted."""
    with pytest.raises(error, match=words) as caught:
        check_picture(image)
    assert "(height, width, 3)" in str(caught.value)


def test_sizes_and_shapes() -> None:
    """Gray takes one byte a pixel, colour three."""
    assert picture_shape(640, 480, "rgb") == (480, 640, 3)
    assert picture_shape(640, 480, "gray") == (480, 640)
    assert picture_bytes(640, 480, "bgr") == 921_600
    assert picture_bytes(640, 480, "gray") == 307_200


def test_an_unknown_format_is_refused() -> None:
    """Formats are rgb, bgr and gray."""
    with pytest.raises(ValueError, match="got 'yuv'"):
        check_format("yuv")
