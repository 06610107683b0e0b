"""A client's source as a bot holds it, while its frames come by one way after the other."""

from __future__ import annotations

import asyncio
from fractions import Fraction

import av
import numpy as np
import pytest
from aiortc.mediastreams import MediaStreamError

from smallrtc_lab.bots.source import ClientSource
from smallrtc_lab.media.clock import SenderReport
from smallrtc_lab.rtc.sections import Section

SAMPLES = 960


class Track:
    """One way's track: what is put in comes out, once."""

    section = Section.AUDIO
    on_encoded = None
    dropped = 0

    def __init__(self) -> None:
        self.frames: asyncio.Queue[int | None] = asyncio.Queue()
        self.report: SenderReport | None = None
        self.reading = 0

    async def recv_timed(self) -> tuple[av.AudioFrame, float]:
        self.reading += 1
        try:
            pts = await self.frames.get()
        finally:
            self.reading -= 1
        if pts is None:
            raise MediaStreamError
        frame = av.AudioFrame.from_ndarray(
            np.zeros((1, 2 * SAMPLES), np.int16), format="s16", layout="stereo"
        )
        frame.sample_rate, frame.pts, frame.time_base = 48_000, pts, Fraction(1, 48_000)
        return frame, pts / 48_000

    def take_report(self) -> SenderReport | None:
        report, self.report = self.report, None
        return report

    async def request_keyframe(self) -> bool:
        return True


async def pts_of(source: ClientSource) -> int:
    async with asyncio.timeout(30):
        frame = await source.recv()
    assert frame.pts is not None
    return frame.pts


async def test_another_way_goes_on_where_the_first_has_come_to() -> None:
    """pts only grow, by about the time that has passed; whoever waits on the first way is not held up by it."""
    source, first, second = ClientSource(Section.AUDIO), Track(), Track()
    source.use(first)
    for pts in (5000, 5000 + SAMPLES):
        first.frames.put_nowait(pts)
    assert [await pts_of(source), await pts_of(source)] == [5000, 5000 + SAMPLES]
    waiting = asyncio.create_task(pts_of(source))
    while not first.reading:
        await asyncio.sleep(0)
    source.use(second)
    second.frames.put_nowait(0)
    begun = await waiting
    assert 5000 + SAMPLES < begun < 5000 + 31 * 48_000
    second.frames.put_nowait(SAMPLES)
    assert await pts_of(source) == begun + SAMPLES
    assert first.reading == 0


async def test_what_the_sender_says_of_its_clock_is_shifted_with_the_frames() -> None:
    """Else a report of the second way would date its frames wrong."""
    source, first, second = ClientSource(Section.AUDIO), Track(), Track()
    source.use(first)
    first.report = SenderReport(100, 7.0, 1.0)
    assert source.take_report() == SenderReport(100, 7.0, 1.0)
    first.frames.put_nowait(0)
    await pts_of(source)
    source.use(second)
    second.report = SenderReport(40, 8.0, 2.0)
    assert source.take_report() is None  # nobody knows yet where its frames begin
    second.frames.put_nowait(0)
    begun = await pts_of(source)
    assert source.take_report() == SenderReport(40 + begun, 8.0, 2.0)


async def test_a_way_that_ends_is_waited_after_and_the_client_s_end_is_not() -> None:
    """A track's end is a pause, for another way may come; when the client has gone, `recv` raises."""
    source, first, second = ClientSource(Section.AUDIO), Track(), Track()
    source.use(first)
    first.frames.put_nowait(0)
    await pts_of(source)
    first.frames.put_nowait(None)
    waiting = asyncio.create_task(pts_of(source))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    source.use(second)
    second.frames.put_nowait(0)
    await waiting
    waiting = asyncio.create_task(pts_of(source))
    await asyncio.sleep(0)
    source.close()
    with pytest.raises(MediaStreamError):
        await waiting
    assert source.readyState == "ended"
