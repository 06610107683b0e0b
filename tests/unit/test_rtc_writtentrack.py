"""WrittenAudioTrack: at once when it is there, silence when nothing comes, no delay that stays after a stall."""

from __future__ import annotations

import asyncio
import time

import av
import numpy as np
import pytest
from aiortc.mediastreams import MediaStreamError

from smallrtc_lab.media.resample import Int16
from smallrtc_lab.rtc.soundqueue import SoundQueue
from smallrtc_lab.rtc.writtentrack import WrittenAudioTrack

LONG_S = 60.0


def made(silence: bool, gather_s: float = 0.02) -> tuple[SoundQueue, WrittenAudioTrack]:
    track: WrittenAudioTrack
    queue = SoundQueue(
        1, gather_s=gather_s, tail=lambda: np.empty((0, 1), np.int16), wake=lambda: track.resume()
    )
    track = WrittenAudioTrack(queue, silence=silence)
    return queue, track


def block(level: int) -> Int16:
    return np.full((960, 1), level, np.int16)


def level_of(frame: av.AudioFrame) -> int:
    return int(frame.to_ndarray()[0, 0])


@pytest.mark.parametrize("silence", [True, False])
async def test_a_stall_delays_for_a_moment_and_loses_nothing(silence: bool) -> None:
    """Sound written as it comes goes out at once, and again so after the program stood still; all of it is sent."""
    queue, track = made(silence)
    sent: dict[int, float] = {}
    pts: list[int] = []
    written: dict[int, float] = {}

    async def send() -> None:
        while len(sent) < 80:
            frame = await track.recv()
            pts.append(frame.pts)
            if level_of(frame):
                sent[level_of(frame)] = time.monotonic()

    sending = asyncio.create_task(send())
    begin_s = time.monotonic()
    for n in range(1, 81):
        await asyncio.sleep(max(0.0, begin_s + n / 50 - time.monotonic()))
        await queue.room(LONG_S)
        written[n] = time.monotonic()
        queue.put(block(n))
        if n == 30:
            time.sleep(0.25)
    await asyncio.wait_for(sending, LONG_S)
    delays_s = [sent[n] - written[n] for n in written]
    print(
        f"median {np.median(delays_s) * 1000:.1f} ms, of the last 20 {np.median(delays_s[-20:]) * 1000:.1f} ms"
    )
    assert list(sent) == list(range(1, 81))
    assert pts == sorted(set(pts))
    assert np.median(delays_s[-20:]) < 0.1
    if not silence:
        assert track.silent == 0


async def test_what_is_written_in_one_go_is_paced() -> None:
    """Of a second of sound a tenth is sent ahead, the rest at the pace of the clock."""
    queue, track = made(silence=False)
    for n in range(1, 51):
        queue.put(block(n))
    begin_s = time.monotonic()
    levels = [level_of(await track.recv()) for _ in range(50)]
    took_s = time.monotonic() - begin_s
    print(f"{took_s:.3f} s")
    assert levels == list(range(1, 51))
    assert took_s > 0.8


async def test_silence_fills_or_is_left_out() -> None:
    """While nothing is written silence goes out, or nothing; pts go on with the clock either way."""
    for silence in (True, False):
        queue, track = made(silence)
        queue.put(block(5))
        first = await asyncio.wait_for(track.recv(), LONG_S)
        following = asyncio.create_task(track.recv())
        await asyncio.sleep(0.3)
        assert following.done() is silence
        if silence:
            assert level_of(following.result()) == 0
            assert following.result().pts == first.pts + 960
        else:
            queue.put(block(6))
            after = await asyncio.wait_for(following, LONG_S)
            assert level_of(after) == 6
            assert after.pts - first.pts >= 0.2 * 48_000
        assert (track.silent > 0) is silence


async def test_stopping_ends_who_waits() -> None:
    """A stopped track raises MediaStreamError, also where somebody waits for sound."""
    _, track = made(silence=False)
    waiting = asyncio.create_task(track.recv())
    await asyncio.sleep(0.1)
    track.stop()
    with pytest.raises(MediaStreamError):
        await asyncio.wait_for(waiting, LONG_S)
