"""A replay in real time, where a browser's connection would be."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import av
import numpy as np
import pytest
from support import takes

from smallrtc_lab.engine.replaying.connection import ReplayConnection
from smallrtc_lab.engine.session import Session
from smallrtc_lab.media.convert import to_picture
from smallrtc_lab.rtc.sections import Section


async def reached(session: Session, state: str) -> None:
    """Wait until the session is in that state."""
    async with asyncio.timeout(60):
        while session.state != state:
            await asyncio.sleep(0.01)


def shown(number: int) -> av.VideoFrame:
    """A picture as an RGB frame."""
    return av.VideoFrame.from_ndarray(takes.picture(number), "rgb24")


async def test_a_session_sees_it_as_it_sees_a_browser(session: Session, executor: ThreadPoolExecutor) -> None:
    """It is live with exactly these pictures and samples, which are kept, and idle when it has ended."""
    replay = ReplayConnection([Section.AUDIO, Section.CAMERA], executor)
    await session.adopt(replay)
    await replay.followed()
    await reached(session, "connecting")
    seen: list[Any] = []
    session.video["camera"].on_frame = seen.append
    samples = np.random.default_rng(1).integers(-9999, 9999, (9600, 2)).astype(np.int16)
    for number in range(10):
        await replay.tracks[Section.CAMERA].picture(shown(number), number / 10)
        replay.tracks[Section.AUDIO].sound(samples[960 * number : 960 * number + 960], 960 * number)
        await asyncio.sleep(0)
    await reached(session, "live")
    assert session.flow.route is None
    assert np.array_equal(to_picture(seen[-1].frame, "rgb"), takes.picture(9))
    ring = session.audio.ring
    assert np.array_equal(ring.read(ring.end - 9600, 9600)[0], samples)
    packets = session.keeping.pictures("camera", 60)
    assert len(packets) == 10
    assert packets[0].packet.keyframe
    await replay.disconnect()
    await reached(session, "idle")
    assert session.flow.connection is None


async def test_it_answers_for_a_keyframe_and_takes_nothing_back(
    session: Session, executor: ThreadPoolExecutor
) -> None:
    """A recording can begin at once; messages wait for a browser."""
    replay = ReplayConnection([Section.CAMERA], executor)
    await session.adopt(replay)
    await replay.followed()
    track = replay.tracks[Section.CAMERA]
    for number in range(4):
        await track.picture(shown(number), number / 10)
        await asyncio.sleep(0)
        if number == 1:
            assert await session.video["camera"].request_keyframe()
    keyframes = [timed.packet.keyframe for timed in session.keeping.pictures("camera", 60)]
    assert keyframes == [True, False, True, False]
    assert not replay.send_app_message({"hello": 1})
    assert [replay.takes(kind) for kind in ("audio", "video")] == [False, False]
    assert (await replay.stats())["route"] is None
    await session.flow.disconnect()
    assert not replay.is_connected()


async def test_another_connection_takes_its_place(session: Session, executor: ThreadPoolExecutor) -> None:
    """Who comes later is what the session has; the replay has ended."""
    first, second = (ReplayConnection([Section.CAMERA], executor) for _ in range(2))
    await session.adopt(first)
    await session.flow.disconnect()
    await session.adopt(second)
    assert session.flow.connection is second
    assert first.state.value == "closed"
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await second.tracks[Section.CAMERA].recv_timed()
    await session.flow.disconnect()
