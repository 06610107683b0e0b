"""Pictures made by arithmetic."""

from __future__ import annotations

import time

import numpy as np
import pytest

from smallrtc_lab.media.synthetic_video import (
    BAR_COLOURS,
    Bars,
    NoisePictures,
    Pattern,
    TimecodePictures,
    VideoSource,
)
from smallrtc_lab.media.timecode import decode_timecode

SOURCES: list[type[VideoSource]] = [Bars, Pattern, TimecodePictures, NoisePictures]


@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.parametrize(("width", "height"), [(640, 480), (1, 1), (7, 3), (3, 90), (321, 241), (1280, 20)])
def test_any_size(kind: type[VideoSource], width: int, height: int) -> None:
    """Every source draws at any size, into an array of its own each time."""
    source = kind(width, height, 30, 1)
    first, second = source.picture(0), source.picture(100_000)
    assert first.shape == second.shape == (height, width, 3)
    assert first.dtype == np.uint8
    assert first.flags.c_contiguous
    first[:] = 3
    assert not np.array_equal(source.picture(0), first) or width * height == 1


@pytest.mark.parametrize("kind", SOURCES)
def test_deterministic(kind: type[VideoSource]) -> None:
    """The same seed and index give the same pixels, in any order; the next picture differs."""
    one, other = kind(320, 240, 30, 7), kind(320, 240, 30, 7)
    later = one.picture(31)
    assert np.array_equal(one.picture(5), other.picture(5))
    assert np.array_equal(other.picture(31), later)
    assert not np.array_equal(one.picture(5), one.picture(6))


@pytest.mark.parametrize("kind", [Pattern, NoisePictures])
def test_the_seed_matters(kind: type[VideoSource]) -> None:
    """Another seed gives another picture."""
    assert not np.array_equal(kind(64, 64, 30, 1).picture(0), kind(64, 64, 30, 2).picture(0))


def test_bars_can_be_measured() -> None:
    """The bars have their exact colours in every picture, and below them something moves."""
    source = Bars(640, 480, 30, 0)
    pictures = [source.picture(index) for index in (0, 17, 60)]
    for image in pictures:
        for number, colour in enumerate(BAR_COLOURS):
            left = round((number + 0.1) * 640 / 7)
            right = round((number + 0.9) * 640 / 7)
            assert (image[:300, left:right] == colour).all()
    assert np.abs(np.diff(np.array(pictures, int)[:, 320:], axis=0)).max() > 100


def test_bars_depend_on_time_not_on_the_rate() -> None:
    """Two seconds in, the dot is on the far side at any frame rate."""
    for rate in (15, 30, 60):
        strip = Bars(640, 480, rate, 0).picture(2 * rate)[320:384].astype(int)
        bright = np.nonzero(strip[:, :, 0].max(axis=0) > 200)[0]
        assert bright.min() > 560


def test_pattern_moves_evenly() -> None:
    """Each picture is the one before, moved by the stated step."""
    source = Pattern(200, 160, 30, 3)
    across, down = source.STEP
    for index in (0, 255, 511, 12_345):
        before, after = source.picture(index), source.picture(index + 1)
        assert np.array_equal(before[down:, across:], after[:-down, :-across])


def test_timecode_tells_its_time() -> None:
    """The code in a picture is the time of its index."""
    source = TimecodePictures(320, 240, 25, 0)
    assert [decode_timecode(source.picture(index)) for index in (0, 1, 25, 90_000)] == [
        0,
        40,
        1000,
        3_600_000,
    ]


def test_nonsense_is_refused() -> None:
    """Pictures without pixels or time raise ValueError."""
    for width, height, rate in ((0, 10, 30), (10, -1, 30), (10, 10, 0), (10, 10, float("nan"))):
        with pytest.raises(ValueError, match="no picture"):
            Bars(width, height, rate, 0)


@pytest.mark.parametrize(("kind", "most_ms"), [(Bars, 1.0), (Pattern, 1.0), (TimecodePictures, 2.0)])
def test_drawing_is_fast(kind: type[VideoSource], most_ms: float) -> None:
    """A picture of 640×480 takes about a millisecond at most (asserted at ten times the goal)."""
    source = kind(640, 480, 30, 0)
    times_s = []
    for index in range(40):
        started_s = time.perf_counter()
        source.picture(index)
        times_s.append(time.perf_counter() - started_s)
    median_ms = float(np.median(times_s)) * 1000
    print(f"{kind.__name__} 640×480: {median_ms:.2f} ms")
    assert median_ms < 10 * most_ms
