"""What a function returned, checked with words that help."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from smallrtc_lab.frames import AudioClip, VideoFrame
from smallrtc_lab.lab.results import as_picture, as_samples

PICTURE = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)


@pytest.mark.parametrize(
    ("returned", "wanted"),
    [
        (PICTURE, PICTURE),
        (PICTURE[:, :, 0], PICTURE[:, :, 0]),
        (PICTURE[:, :, :1], PICTURE[:, :, 0]),
        (PICTURE[::-1, ::2], PICTURE[::-1, ::2]),
        (PICTURE > 20, (PICTURE > 20) * np.uint8(255)),
        (VideoFrame(PICTURE), PICTURE),
    ],
    ids=["colour", "gray", "one channel", "strided", "bool", "frame"],
)
def test_pictures(returned: Any, wanted: np.ndarray) -> None:
    """uint8 or bool, colour or gray, of any strides, becomes contiguous uint8."""
    picture = as_picture(returned)
    assert picture is not None
    assert picture.dtype == np.uint8
    assert picture.flags.c_contiguous
    assert np.array_equal(picture, wanted)


@pytest.mark.parametrize(
    ("returned", "kind", "words"),
    [
        (PICTURE / 255, TypeError, r"float64.*multiply by 255\?.*astype\(np\.uint8\)"),
        (PICTURE.astype(np.float32), TypeError, r"float32.*scale them to 0\.\.255"),
        (PICTURE.astype(np.int64), TypeError, "int64"),
        ("text", TypeError, "got str, which is not an array"),
        (object(), TypeError, "got object"),
        (7, TypeError, "got int"),
        (PICTURE[:, :, :2], ValueError, r"\(4, 6, 2\)"),
        (np.zeros((4, 6, 4), np.uint8), ValueError, "alpha channel"),
        (np.zeros(9, np.uint8), ValueError, r"\(9,\)"),
        (np.zeros((0, 6, 3), np.uint8), ValueError, "at least one pixel"),
    ],
)
def test_other_pictures_are_refused(returned: Any, kind: type[Exception], words: str) -> None:
    """The sentence says what it was and what it should be."""
    with pytest.raises(kind, match=words):
        as_picture(returned)


def test_nothing_is_nothing() -> None:
    """None passes the original."""
    assert as_picture(None) is None
    assert as_samples(None) is None


@pytest.mark.parametrize(
    ("returned", "wanted"),
    [
        (np.array([0.5, -0.5], np.float32), [[0.5], [-0.5]]),
        (np.array([[0.5, 0.1], [-0.5, 0.2]]), [[0.5, 0.1], [-0.5, 0.2]]),
        (np.array([16384, -32768], np.int16), [[0.5], [-1.0]]),
        (np.array([2.0, -3.0]), [[1.0], [-1.0]]),
        (AudioClip(np.array([[0.25]], np.float32), 48000), [[0.25]]),
        ([0.5, 0.25], [[0.5], [0.25]]),
    ],
)
def test_sound(returned: Any, wanted: list[list[float]]) -> None:
    """(n,) or (n, channels) of floats or int16 becomes float32 within ±1."""
    samples = as_samples(returned)
    assert samples is not None
    assert samples.dtype == np.float32
    assert samples.flags.c_contiguous
    assert np.allclose(samples, wanted)
    assert samples.shape == np.shape(wanted)


@pytest.mark.parametrize(
    ("returned", "kind", "words"),
    [
        (np.zeros(4, np.int32), TypeError, "int32"),
        (np.zeros(4, bool), TypeError, "bool"),
        ("text", TypeError, "float32, float64 or int16"),
        (np.zeros((2, 960)), ValueError, r"transpose it\?"),
        (np.zeros((960, 3)), ValueError, r"\(960, 3\)"),
        (np.zeros((2, 3, 4)), ValueError, r"\(2, 3, 4\)"),
        (np.array([0.0, np.nan]), ValueError, "NaN or infinity"),
        (np.array([0.0, np.inf]), ValueError, "NaN or infinity"),
    ],
)
def test_other_sound_is_refused(returned: Any, kind: type[Exception], words: str) -> None:
    """The sentence says what it was and what it should be."""
    with pytest.raises(kind, match=words):
        as_samples(returned)
