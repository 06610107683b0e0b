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
    gather_s: float = 0.04,
    silence: bool = True,
    tail: Callable[[], Int16] = nothing,
    wake: Callable[[], object] = lambda: None,
) -> SoundQueue:
    return SoundQueue(1, gather_s=gather_s, silence=silence, tail=tail, wake=wake)


def counting(length: int, first: int = 1) -> Int16:
    return np.arange(first, first + length, dtype=np.int16)[:, None]


async def test_samples_come_out_as_they_went_in() -> None:
    """Pieces of any length are played in order without a hole, in frames of 960, the last one filled with silence."""
    sounds = queue()
    for first in range(1, 2001, 250):
        sounds.put(counting(250, first))
    frames = [sounds.read(960) for _ in range(4)]
    played = np.concatenate([frame for frame in frames if frame is not None])[:, 0]
    assert np.array_equal(played[:2000], np.arange(1, 2001))
    assert not played[2000:].any()
    assert (sounds.played, sounds.waiting_s) == (2000, 0.0)


async def test_a_stretch_is_gathered_first() -> None:
    """Nothing is played before 40 ms are there; then it goes on down to the last sample, and gathers anew."""
    sounds = queue(silence=False)
    sounds.put(counting(960))
    assert sounds.read(960) is None
    sounds.put(counting(960))
    assert sounds.read(960) is not None
    assert sounds.read(960) is not None
    assert sounds.read(960) is None
    sounds.put(counting(960))
    assert sounds.read(960) is None


async def test_a_short_word_is_played_although_nothing_follows() -> None:
    """A word shorter than the gathering is played when its time is up, with what the resampler still held."""
    woken = asyncio.Event()
    rests = [counting(5, 101), nothing()]
    sounds = queue(silence=False, wake=woken.set, tail=lambda: rests.pop(0) if rests else nothing())
    sounds.put(counting(100))
    assert sounds.read(960) is None
    await asyncio.wait_for(woken.wait(), LONG_S)
    played = sounds.read(960)
    assert played is not None
    assert np.array_equal(played[:105, 0], np.arange(1, 106))
    assert not played[105:].any()
    assert sounds.read(960) is None
    await sounds.idle(LONG_S)


async def test_silence_or_nothing() -> None:
    """While nothing waits there is silence where it was asked for, and nothing where not."""
    silent = queue(silence=True).read(960)
    assert silent is not None
    assert silent.shape == (960, 1)
    assert not silent.any()
    assert queue(silence=False).read(960) is None


async def test_writers_wait_for_room_and_not_for_ever() -> None:
    """A full queue makes its writer wait until something was played, or StreamTimeout says that nothing is."""
    sounds = queue()
    sounds.put(counting(3840))
    with pytest.raises(StreamTimeout, match="not connected, or its offer has no sound"):
        await sounds.room(0.05)
    waiting = asyncio.create_task(sounds.room(LONG_S))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    sounds.read(960)
    await asyncio.wait_for(waiting, LONG_S)


async def test_clearing_forgets_and_lets_writers_go() -> None:
    """After clear() the next read is silence, the writer goes on, and what was lost is counted."""
    sounds = queue()
    sounds.put(counting(4800))
    waiting = asyncio.create_task(sounds.room(LONG_S))
    await asyncio.sleep(0)
    sounds.clear()
    await asyncio.wait_for(waiting, LONG_S)
    read = sounds.read(960)
    assert read is not None
    assert not read.any()
    assert (sounds.epoch, sounds.cleared, sounds.waiting_s) == (1, 4800, 0.0)
    await sounds.idle(LONG_S)


async def test_a_stall_delays_sound_and_loses_none() -> None:
    """The track leaves out the time of a stall by a long read, which takes nothing from what was written."""
    sounds = queue()
    sounds.put(counting(1920))
    assert sounds.read(9600) is None
    played = sounds.read(960)
    assert played is not None
    assert played[0, 0] == 1


async def test_closing_leaves_no_timer() -> None:
    """A closed queue wakes nobody any more."""
    woken: list[None] = []
    sounds = queue(gather_s=0.02, wake=lambda: woken.append(None))
    sounds.put(counting(10))
    sounds.close()
    await asyncio.sleep(0.06)
    assert (sounds.closed, woken) == (True, [])
