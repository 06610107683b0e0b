"""What may be asked of a stream of pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from smallrtc_lab.frames import VideoFrame
from smallrtc_lab.lab.video import _require_same_size, video_request


def test_a_request_says_only_what_was_asked() -> None:
    """Format, size as whole pixels, native sizes, and a rate."""
    assert video_request("rgb", None) == {"format": "rgb", "size": None}
    assert video_request("bgr", (np.int64(64), 48)) == {"format": "bgr", "size": [64, 48]}  # type: ignore[arg-type]
    assert video_request("gray", "native", 5) == {
        "format": "gray",
        "size": None,
        "native": True,
        "max_rate_hz": 5.0,
    }


@pytest.mark.parametrize("size", [5, (1, 480), (640, 480, 3), (64.5, 48), ("a", "b"), "big", (9000, 10), ()])
def test_a_size_is_width_and_height(size: Any) -> None:
    """Anything else is refused with what it should be."""
    with pytest.raises(ValueError, match=r'size is \(width, height\) in pixels or "native", not'):
        video_request("rgb", size)


@pytest.mark.parametrize("rate_hz", [0, -5, float("nan")])
def test_a_rate_is_positive(rate_hz: float) -> None:
    """Nothing would ever be due."""
    with pytest.raises(ValueError, match="max_rate_hz is positive"):
        video_request("rgb", None, rate_hz)


def test_other_formats_are_refused() -> None:
    """The sentence lists what there is."""
    with pytest.raises(ValueError, match="format is one of rgb, bgr, gray, not 'hsv'"):
        video_request("hsv", None)


def test_pictures_of_several_sizes_are_no_array() -> None:
    """Sizes as they come and one array cannot both be had."""
    images = np.zeros((3, 48, 64, 3), np.uint8)
    _require_same_size(VideoFrame(np.zeros((48, 64, 3), np.uint8)), images)
    with pytest.raises(ValueError, match=r"a picture of 32×24 came after those of 64×48.*leave out size"):
        _require_same_size(VideoFrame(np.zeros((24, 32, 3), np.uint8)), images)
