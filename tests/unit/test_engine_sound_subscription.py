"""Sound by credit: nothing is lost within the bound, and what is lost beyond it is marked."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from support.kernelend import KernelEnd

from smallrtc_lab.engine.sound_subscription import AudioSubscription
from smallrtc_lab.media.axis import SampleAxis
from smallrtc_lab.media.blocks import BlockCutter


class Owner:
    """Says whether sound may be saved."""

    shareable = False


def sound(start: int, n: int) -> tuple[np.ndarray, int]:
    """(n, 2) int16 that tells its own position, and the position."""
    ramp = ((start + np.arange(n)) % 30000).astype(np.int16)
    return np.repeat(ramp[:, None], 2, axis=1), start


def listen(
    kernel: KernelEnd, *, credits: int = 4, block: int = 960, hop: int | None = None
) -> AudioSubscription:
    """Subscription number 6, at the stream's own rate, mono."""
    cutter = BlockCutter(in_rate=48000, in_channels=2, out_rate=48000, out_channels=1, block=block, hop=hop)
    return AudioSubscription(
        6, cutter, kernel.bridge, Owner(), credits=credits, label="ear", axis=SampleAxis(48000)
    )


async def test_sound_waits_for_credit_and_nothing_is_lost(kernel: KernelEnd) -> None:
    """A kernel that is busy for less than the bound gets every block afterwards, in order."""
    subscription = listen(kernel)
    for number in range(100):
        subscription.offer(*sound(number * 960, 960))
    got = []
    for _ in range(100):
        header, payload = await kernel.next("deliver")
        assert (header["gaps"], header["dropped"], header["channels"]) == ([], 0, 1)
        got.append(np.frombuffer(payload, np.float32))
        subscription.done()
    joined = np.round(np.concatenate(got) * 32768).astype(int)
    assert np.array_equal(joined, np.arange(96000) % 30000)
    await subscription.close()


async def test_beyond_five_seconds_the_oldest_sound_goes_and_is_marked(kernel: KernelEnd) -> None:
    """What a kernel was too busy for is a gap of the block after it, told once."""
    subscription = listen(kernel, credits=1)
    subscription.offer(*sound(0, 960))
    await kernel.next("deliver")
    await asyncio.sleep(0)
    for number in range(1, 301):
        subscription.offer(*sound(number * 960, 960))
    assert subscription.dropped == 50
    subscription.done()
    header, _ = await kernel.next("deliver")
    assert header["dropped"] == 50
    assert header["start_s"] == pytest.approx(51 * 0.02)
    assert header["gaps"] == [[pytest.approx(0.02), pytest.approx(1.0)]]
    subscription.done()
    header, _ = await kernel.next("deliver")
    assert header["gaps"] == []
    await subscription.close()


@pytest.mark.parametrize(("lost", "missing_s"), [(1, 0.0), (4, 0.0), (50, 0.92)])
async def test_of_lost_blocks_that_overlap_only_what_nobody_had_is_missing(
    kernel: KernelEnd, lost: int, missing_s: float
) -> None:
    """A block holds 100 ms and begins 20 ms after the one before: four lost ones leave no sample out."""
    subscription = listen(kernel, credits=1, block=4800, hop=960)
    for number in range(5):
        subscription.offer(*sound(number * 960, 960))
    await kernel.next("deliver")
    await asyncio.sleep(0)
    for number in range(5, 255 + lost):
        subscription.offer(*sound(number * 960, 960))
    assert subscription.dropped == lost
    subscription.done()
    header, payload = await kernel.next("deliver")
    start_s = (lost + 1) * 0.02
    assert header["start_s"] == pytest.approx(start_s)
    assert len(payload) == 4 * 4800
    wanted = [[pytest.approx(start_s - missing_s), pytest.approx(missing_s)]] if missing_s else []
    assert header["gaps"] == wanted
    await subscription.close()


async def test_blocks_that_overlap_much_wait_within_a_bound_of_memory(kernel: KernelEnd) -> None:
    """A second of sound every ten milliseconds would be 96 MB in five seconds."""
    subscription = listen(kernel, credits=1, block=48000, hop=480)
    for number in range(300):
        subscription.offer(*sound(number * 960, 960))
    waiting = 1 + (300 * 960 - 48000) // 480 - subscription.dropped
    assert 10e6 < waiting * 48000 * 4 < 17e6
    await subscription.close()
