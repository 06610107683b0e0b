"""StillVideoTrack: a picture that goes on being shown."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import av
import pytest
from aiortc.mediastreams import MediaStreamError

from smallrtc_lab.rtc.still import StillVideoTrack

LONG_S = 60.0


async def test_the_newest_picture_is_sent_again() -> None:
    """Before the first picture nothing is sent; then it is repeated, with pts that grow by the time that passed."""
    track = StillVideoTrack(0.05)
    waiting = asyncio.create_task(track.recv())
    await asyncio.sleep(0.12)
    assert not waiting.done()
    picture = av.VideoFrame(16, 16, "yuv420p")
    track.put(picture, 100.0)
    first = await asyncio.wait_for(waiting, LONG_S)
    pts = [first.pts]
    for _ in range(3):
        again = await asyncio.wait_for(track.recv(), LONG_S)
        assert again is picture
        pts.append(again.pts)
    assert pts[0] == 9_000_000
    assert all(later - earlier >= 0.04 * 90_000 for earlier, later in pairwise(pts))
    assert (track.repeated, track.dropped) == (3, 0)


async def test_a_newer_picture_takes_its_place_and_stop_ends_it() -> None:
    """A picture that is put is sent at once, and is the one repeated; a stopped track raises."""
    track = StillVideoTrack(0.05)
    old, new = (av.VideoFrame(16, 16, "yuv420p") for _ in range(2))
    track.put(old, 1.0)
    assert await track.recv() is old
    track.put(new, 2.0)
    assert await track.recv() is new
    assert await asyncio.wait_for(track.recv(), LONG_S) is new
    track.stop()
    with pytest.raises(MediaStreamError):
        await track.recv()
