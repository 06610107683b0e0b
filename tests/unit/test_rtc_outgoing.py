"""Output tracks: pts that grow, silence that costs nothing, stalls that do not burst."""

from __future__ import annotations

import asyncio
import time
from fractions import Fraction

import av
import numpy as np
import pytest
from aiortc.mediastreams import MediaStreamError

from smallrtc_lab.rtc.outgoing import OutputAudioTrack, OutputVideoTrack


def frame() -> av.VideoFrame:
    return av.VideoFrame(16, 16, "yuv420p")


class Counting:
    """Gives samples that count up, or nothing while ``idle``."""

    def __init__(self, channels: int = 2) -> None:
        self.channels, self.position, self.reads, self.idle = channels, 0, 0, False

    def read(self, n: int) -> np.ndarray | None:
        self.reads += 1
        if self.idle:
            return None
        samples = (self.position + np.arange(n)).astype(np.int16)
        self.position += n
        return np.repeat(samples[:, None], self.channels, axis=1)


async def test_the_newest_picture_wins_and_pts_follow_the_time():
    """Of three pictures put at once the last is sent; pts are its time in 1/90000 s."""
    track = OutputVideoTrack()
    frames = [frame() for _ in range(3)]
    for n, each in enumerate(frames):
        track.put(each, 1 + n / 10)
    got = await track.recv()
    assert got is frames[2]
    assert (got.pts, got.time_base) == (108_000, Fraction(1, 90_000))
    assert (track.sent, track.dropped) == (1, 2)


async def test_pts_grow_whatever_times_are_given():
    """Equal times and times that run backwards still give growing pts."""
    track, seen = OutputVideoTrack(), []
    for time_s in (5.0, 5.0, 1.0, 5.1):
        track.put(frame(), time_s)
        seen.append((await track.recv()).pts)
    assert seen == [450_000, 450_001, 450_002, 459_000]


async def test_a_silent_video_track_waits_and_ends():
    """recv() waits while nothing is put, and stop() ends the waiting."""
    track = OutputVideoTrack()
    waiting = asyncio.ensure_future(track.recv())
    await asyncio.sleep(0.02)
    assert not waiting.done()
    track.stop()
    with pytest.raises(MediaStreamError):
        await asyncio.wait_for(waiting, 30)


async def test_sound_is_paced_and_gapless():
    """Frames of 20 ms come at the pace of a clock, pts and samples without a gap."""
    track = OutputAudioTrack(Counting(channels=1))
    began_s = time.monotonic()
    frames = [await track.recv() for _ in range(26)]
    took_s = time.monotonic() - began_s
    print(f"26 frames took {took_s:.3f} s")
    assert 0.48 < took_s < 10
    assert [f.pts for f in frames] == [n * 960 for n in range(26)]
    assert {(f.sample_rate, f.layout.name, f.format.name, f.samples) for f in frames} == {
        (48000, "stereo", "s16", 960)
    }
    left = np.concatenate([f.to_ndarray().reshape(-1, 2) for f in frames])
    assert (left[:, 0] == np.arange(26 * 960).astype(np.int16)).all()
    assert (left[:, 1] == left[:, 0]).all()


async def test_after_a_stall_time_is_skipped_and_not_sent_in_a_burst():
    """Half a second without recv() is left out of the sound and of pts, and counted."""
    source = Counting()
    track = OutputAudioTrack(source)
    await track.recv()
    time.sleep(0.5)
    began_s = time.monotonic()
    frames = [await track.recv() for _ in range(10)]
    assert time.monotonic() - began_s > 0.12
    assert track.skipped >= 20
    assert frames[0].pts == (1 + track.skipped) * 960
    assert frames[0].to_ndarray().reshape(-1, 2)[0, 0] == np.int16(frames[0].pts)


async def test_an_idle_source_is_not_asked_again_until_resume():
    """While the source has nothing it is left alone; afterwards pts have gone on by the time that passed."""
    source = Counting()
    track = OutputAudioTrack(source)
    first = await track.recv()
    source.idle = True
    waiting = asyncio.ensure_future(track.recv())
    await asyncio.sleep(0.3)
    assert source.reads == 2
    source.idle = False
    track.resume()
    second = await asyncio.wait_for(waiting, 30)
    passed = (second.pts - first.pts) / 48000
    assert 0.25 < passed < 5
    assert (second.pts - first.pts) % 960 == 0
    source.idle = True
    waiting = asyncio.ensure_future(track.recv())
    await asyncio.sleep(0.05)
    track.stop()
    with pytest.raises(MediaStreamError):
        await asyncio.wait_for(waiting, 30)


async def test_a_picture_that_is_shown_again_is_no_keyframe_for_ever():
    """The encoder marks a frame that it made a keyframe of; shown again it is an ordinary one."""
    track, same = OutputVideoTrack(), frame()
    same.pict_type = av.video.frame.PictureType.I
    track.put(same, 1.0)
    assert (await track.recv()).pict_type == av.video.frame.PictureType.NONE


async def test_who_looks_on_sees_what_was_put_last():
    """The newest picture stays to be seen after it was sent, and its coming is told."""
    track, told = OutputVideoTrack(), []
    track.on_put = lambda: told.append(track.newest)
    shown = frame()
    track.put(shown, 1.5)
    await track.recv()
    assert told == [(shown, 1.5)]
    assert track.newest == (shown, 1.5)
