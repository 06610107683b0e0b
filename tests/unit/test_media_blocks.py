"""Sound in blocks: gapless, at any rate, with what is missing marked."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from smallrtc_lab.media.blocks import Block, BlockCutter

IN_RATE = 48000


def worst(got: NDArray[np.floating], wanted: NDArray[np.floating]) -> float:
    """The largest difference between two signals."""
    assert got.shape == wanted.shape
    return float(np.abs(got - wanted).max())


def tone(position: int, n: int, hz: float = 1000.0, channels: int = 2) -> NDArray[np.int16]:
    """(n, channels) int16 of a sine of half scale that is a function of position alone."""
    wave = np.rint(16384 * np.sin(2 * np.pi * hz * (position + np.arange(n)) / IN_RATE)).astype(np.int16)
    return np.repeat(wave[:, None], channels, axis=1)


def cutter(
    out_rate: int = 48000, out_channels: int = 1, block: int = 960, hop: int | None = None
) -> BlockCutter:
    """A cutter for what Opus gives."""
    return BlockCutter(
        in_rate=IN_RATE, in_channels=2, out_rate=out_rate, out_channels=out_channels, block=block, hop=hop
    )


def pushed(cut: BlockCutter, start: int, stop: int, step: int = 960) -> list[Block]:
    """Packets of 20 ms from one position to another."""
    blocks: list[Block] = []
    for position in range(start, stop, step):
        blocks += cut.push(tone(position, min(step, stop - position)), position)
    return blocks


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [8000, 16000, 44100, 48000])
@pytest.mark.parametrize("block", [160, 1000, 2048])
def test_blocks_join_without_a_gap(rate: int, channels: int, block: int) -> None:
    """Blocks of any length, rate and channels follow each other exactly and hold the tone at full strength."""
    blocks = pushed(cutter(rate, channels, block), 4800, 4800 + 2 * IN_RATE)
    assert all(b.samples.shape == (block, channels) and b.samples.dtype == np.float32 for b in blocks)
    assert all(b.samples.flags.c_contiguous and b.gaps == () for b in blocks)
    starts = np.array([b.start_s for b in blocks])
    assert worst(starts, 0.1 + np.arange(len(blocks)) * block / rate) < 1e-9
    assert len(blocks) * block == pytest.approx(2 * rate, abs=block + rate * 0.01)
    joined = np.concatenate([b.samples for b in blocks])
    times_s = 0.1 + np.arange(len(joined)) / rate
    wanted = 0.5 * np.sin(2 * np.pi * 1000 * times_s)
    edge = rate // 50  # the filter knows nothing of what came before its first sample
    for channel in joined.T:
        assert worst(channel[edge:], wanted[edge:]) < 0.006


def test_a_gap_is_zero_and_marked_in_every_block_it_touches() -> None:
    """What never arrived keeps its place on the time axis, as zeros with a mark."""
    cut = cutter(block=960)
    blocks = pushed(cut, 0, 4800) + pushed(cut, 4800 + 1440, 9600)
    gap = (0.1, pytest.approx(0.03))
    assert [b.gaps for b in blocks] == [(), (), (), (), (), (gap,), (gap,), (), (), ()]
    joined = np.concatenate([b.samples[:, 0] for b in blocks])
    assert not joined[4800:6240].any()
    assert worst(joined[6240:], tone(6240, len(joined) - 6240)[:, 0] / 32768) < 1e-4
    assert [b.start_s for b in blocks] == pytest.approx(np.arange(10) * 0.02)


def test_a_gap_keeps_the_time_axis_after_resampling() -> None:
    """At another rate the tone after a gap is where it belongs, too."""
    cut = cutter(16000, 1, 320)
    blocks = pushed(cut, 0, 48000) + pushed(cut, 48000 + 4800, 96000)
    joined = np.concatenate([b.samples[:, 0] for b in blocks])
    times_s = np.arange(len(joined)) / 16000
    after = times_s > 1.12
    assert worst(joined[after], 0.5 * np.sin(2 * np.pi * 1000 * times_s[after])) < 0.006


def test_an_overlap_is_delivered_once() -> None:
    """Samples that came before are left out; a packet that is wholly old gives nothing."""
    cut = cutter(block=480)
    blocks = pushed(cut, 0, 1920)
    blocks += cut.push(tone(960, 960), 960)  # all of it was there already
    blocks += cut.push(tone(1440, 960), 1440)  # half of it
    joined = np.concatenate([b.samples[:, 0] for b in blocks])
    assert worst(joined, tone(0, 2400)[:, 0] / 32768) < 1e-4
    assert all(b.gaps == () for b in blocks)


def test_a_long_gap_is_not_filled_but_marked() -> None:
    """After more than five seconds the blocks go on behind the gap, which also holds the unfinished block."""
    cut = cutter(block=960)
    before = pushed(cut, 0, 1440)
    assert len(before) == 1
    after = pushed(cut, 1440 + 6 * IN_RATE, 1440 + 7 * IN_RATE)
    assert len(after) == 50
    assert after[0].start_s == pytest.approx(6.03)
    ((start_s, duration_s),) = after[0].gaps
    assert start_s == pytest.approx(0.02)  # 10 ms of an unfinished block went with it
    assert start_s + duration_s == pytest.approx(6.03)
    assert after[1].gaps == ()


def test_a_gap_of_five_seconds_is_still_filled() -> None:
    """Up to the bound the time axis goes through."""
    cut = cutter(block=48000)
    blocks = pushed(cut, 0, 960) + pushed(cut, 960 + 5 * IN_RATE, 960 + 6 * IN_RATE)
    assert [b.start_s for b in blocks] == pytest.approx(np.arange(6))


def test_blocks_are_private() -> None:
    """Writing into one block changes no other."""
    first, second = pushed(cutter(block=480), 0, 960)
    first.samples[:] = 9
    assert np.abs(second.samples).max() <= 0.5


@pytest.mark.parametrize("rate", [16000, 48000])
@pytest.mark.parametrize(
    ("block", "hop"), [(2048, 512), (1024, 1000), (4800, 16), (960, 960), (480, 960), (320, 5000), (17, 100)]
)
def test_blocks_are_windows_of_the_signal(rate: int, block: int, hop: int) -> None:
    """With any hop they are `sliding_window_view(signal, block)[::hop]`, each with its own time and memory."""
    (signal,) = pushed(cutter(rate, 1, rate), 960, 960 + IN_RATE + 4800)  # one second in one piece
    blocks = pushed(cutter(rate, 1, block, hop), 960, 960 + IN_RATE)
    wanted = np.lib.stride_tricks.sliding_window_view(signal.samples[:, 0], block)[::hop]
    got = np.array([b.samples[:, 0] for b in blocks])
    late = rate // 100  # the resampler keeps the last samples until more come
    assert len(wanted) - (block + late) // hop - 1 <= len(got) <= len(wanted)
    assert worst(got, wanted[: len(got)]) == 0
    starts = np.array([b.start_s for b in blocks])
    assert worst(starts, 0.02 + np.arange(len(blocks)) * hop / rate) < 1e-9
    blocks[0].samples[:] = 9
    assert all(b.samples.max() < 1 for b in blocks[1:])


@pytest.mark.parametrize(("block", "hop"), [(960, 240), (960, 480), (1920, 960), (480, 1440)])
def test_a_gap_is_marked_in_each_window_that_holds_a_part_of_it(block: int, hop: int) -> None:
    """And in no window that begins after its end, or ends before it begins."""
    gap_start, gap_end = 4800, 6240
    cut = cutter(block=block, hop=hop)
    blocks = pushed(cut, 0, gap_start) + pushed(cut, gap_end, 14400)
    touched = 0
    for one in blocks:
        first = round(one.start_s * IN_RATE)
        holds = first < gap_end and first + block > gap_start
        touched += holds
        if holds:
            assert one.gaps == ((0.1, pytest.approx(0.03)),)
            inside = one.samples[max(0, gap_start - first) : gap_end - first]
            assert not inside.any()
        elif first + block <= gap_start or hop <= block:
            assert one.gaps == ()
    assert touched > 0 or hop > block


def test_after_a_long_gap_windows_begin_anew() -> None:
    """What was held, or was still to be skipped, is forgotten with it."""
    for hop in (240, 960, 5000):
        cut = cutter(block=960, hop=hop)
        before = pushed(cut, 0, 1440)
        after = pushed(cut, 1440 + 6 * IN_RATE, 1440 + 7 * IN_RATE)
        assert after[0].start_s == pytest.approx(6.03)
        ((start_s, duration_s),) = after[0].gaps
        assert start_s == pytest.approx(min(len(before) * hop / IN_RATE, 0.03))
        assert start_s + duration_s == pytest.approx(6.03)
        assert after[1].gaps == ()
