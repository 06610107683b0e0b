"""Sound of any block length, cut for packets."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest

from smallrtc_lab.relay.blocks import BLOCK, SoundBlocks

RAMP = np.arange(20 * BLOCK, dtype=np.int16).repeat(2).reshape(-1, 2)


def frame_of(begin: int, count: int, pts: int | None = None) -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(
        RAMP[begin : begin + count].reshape(1, -1), format="s16", layout="stereo"
    )
    frame.sample_rate, frame.time_base = 48_000, Fraction(1, 48_000)
    frame.pts = begin if pts is None else pts
    return frame


@pytest.mark.parametrize("count", [80, 432, 480, 960, 1000, 2880])
def test_no_sample_is_lost_or_doubled(count: int) -> None:
    """Whatever the length of frames; each block has the pts of its first sample, and is a block long."""
    blocks = SoundBlocks()
    cut = [block for begin in range(0, 8000, count) for block in blocks.cut(frame_of(begin, count))]
    assert cut
    for number, block in enumerate(cut):
        begin = number * BLOCK
        assert block.pts == begin
        assert np.array_equal(block.samples, RAMP[begin : begin + BLOCK])


def test_behind_a_pause_a_block_begins_anew() -> None:
    """What had come before it is not held back until the pause is over."""
    blocks = SoundBlocks()
    assert blocks.cut(frame_of(0, 500)) == []
    last, first = blocks.cut(frame_of(0, BLOCK, pts=48_000))
    assert (last.pts, first.pts) == (0, 48_000)
    assert np.array_equal(last.samples[:500], RAMP[:500])
    assert not last.samples[500:].any()
    assert np.array_equal(first.samples, RAMP[:BLOCK])


def test_a_resampler_that_errs_by_some_samples_makes_no_pause() -> None:
    """Its pts are rounded, and its first frame is short."""
    blocks = SoundBlocks()
    blocks.cut(frame_of(0, 432))
    (block,) = blocks.cut(frame_of(432, 960, pts=440))
    assert np.array_equal(block.samples, RAMP[:BLOCK])
