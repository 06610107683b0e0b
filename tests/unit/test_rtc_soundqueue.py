"""SoundQueue: bounded, gathered before it begins, cleared at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import numpy as np
import pytest

from smallrtc_lab.errors import StreamTimeout
from smallrtc_lab.media.resample import Int16
from smallrtc_lab.rtc.soundqueue import SoundQueue

LONG_S = 60.0


def nothing() -> Int16:
    return np.empty((0, 1), np.int16)


def queue(
    gather_s: float = 0.04, tail: Callable[[], Int16] = nothing, wake: Callable[[], object] = lambda: None
) -> SoundQueue:
    return SoundQueue(1, gather_s=gather_s, tail=tail, wake=wake)  # type: ignore[arg-type]


def counting(length: int, first: int = 1) -> Int16:
    return np.arange(first, first + length, dtype=np.int16)[:, None]


async def test_samples_come_out_as_they_went_in() -> None:
    """Pieces of any length come in order without a hole, in frames of 960, the last one filled with silence."""
    sounds = queue()
    for first in range(1, 2001, 250):
        sounds.put(counting(250, first))
    frames = [sounds.take(), sounds.take()]
    assert sounds.take() is None
    frames.append(sounds.finish())
    taken = np.concatenate([frame for frame in frames if frame is not None])[:, 0]
    assert np.array_equal(taken[:2000], np.arange(1, 2001))
    assert (len(taken), taken[2000:].any()) == (2880, False)
    assert (sounds.taken, sounds.waiting_s, sounds.finish()) == (2000, 0.0, None)


async def test_a_stretch_is_gathered_first() -> None:
    """Nothing is given before 40 ms are there; then each 20 ms at once, until the stretch is finished."""
    sounds = queue()
    sounds.put(counting(960))
    assert (sounds.take(), sounds.finish()) == (None, None)
    sounds.put(counting(960))
    assert sounds.take() is not None
    assert sounds.take() is not None
    sounds.put(counting(960))
    assert sounds.take() is not None
    assert sounds.finish() is None
    sounds.put(counting(960))
    assert sounds.take() is None


async def test_a_short_word_is_given_although_nothing_follows() -> None:
    """A word shorter than the gathering wakes the track when its time is up, with what the resampler still held."""
    woken = asyncio.Event()
    rests = [counting(5, 101)]
    sounds = queue(wake=woken.set, tail=lambda: rests.pop() if rests else nothing())
    sounds.put(counting(100))
    assert sounds.finish() is None
    await asyncio.wait_for(woken.wait(), LONG_S)
    last = sounds.finish()
    assert last is not None
    assert np.array_equal(last[:105, 0], np.arange(1, 106))
    assert not last[105:].any()
    await sounds.idle(LONG_S)


async def test_writers_wait_for_room_and_not_for_ever() -> None:
    """A full queue makes its writer wait until something was taken, or StreamTimeout says that nothing is."""
    sounds = queue()
    sounds.put(counting(3840))
    with pytest.raises(StreamTimeout, match="not connected, or its offer has no sound"):
        await sounds.room(0.05)
    waiting = asyncio.create_task(sounds.room(LONG_S))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    sounds.take()
    await asyncio.wait_for(waiting, LONG_S)


async def test_clearing_forgets_and_lets_writers_go() -> None:
    """After clear() nothing is given, the writer goes on, and what was lost is counted."""
    sounds = queue()
    sounds.put(counting(4800))
    waiting = asyncio.create_task(sounds.room(LONG_S))
    await asyncio.sleep(0)
    sounds.clear()
    await asyncio.wait_for(waiting, LONG_S)
    assert (sounds.take(), sounds.finish()) == (None, None)
    assert (sounds.epoch, sounds.cleared, sounds.waiting_s) == (1, 4800, 0.0)
    await sounds.idle(LONG_S)


async def test_closing_leaves_no_timer() -> None:
    """A closed queue wakes nobody any more."""
    woken: list[None] = []
    sounds = queue(gather_s=0.02, wake=lambda: woken.append(None))
    sounds.put(counting(10))
    sounds.close()
    await asyncio.sleep(0.06)
    assert (sounds.closed, woken) == (True, [])


@pytest.mark.parametrize("turns", range(4))
async def test_a_writer_is_cancelled_also_when_there_is_room_at_that_moment(turns: int) -> None:
    """A cancellation that comes together with room is not lost: the writer's loop ends."""
    sounds = queue()

    async def write() -> None:
        while True:
            await sounds.room(LONG_S)
            sounds.put(counting(960))

    writer = asyncio.create_task(write())
    while sounds.waiting_s < 0.08:
        await asyncio.sleep(0)
    sounds.take()
    for _ in range(turns):
        await asyncio.sleep(0)
    writer.cancel()
    done, _ = await asyncio.wait({writer}, timeout=5.0)
    assert done
    assert writer.cancelled()
