"""SourcePump: one source, whatever track it has at the time."""

from __future__ import annotations

import asyncio
import logging

import av
import pytest
from aiortc.mediastreams import MediaStreamError

from smallrtc_lab.rtc.pump import Arrived, SourcePump

LONG_S = 60.0


class Track:
    """A client's track: gives what is put, until it ends."""

    def __init__(self) -> None:
        self.frames: asyncio.Queue[av.AudioFrame | None] = asyncio.Queue()
        self.discarded = 0

    async def recv(self) -> av.AudioFrame:
        frame = await self.frames.get()
        if frame is None:
            raise MediaStreamError
        return frame

    async def discard_old_frames(self) -> None:
        while not self.frames.empty():
            self.frames.get_nowait()
            self.discarded += 1

    def is_enabled(self) -> bool:
        return True


class Sink:
    """Notes each track's beginning and each frame."""

    def __init__(self) -> None:
        self.seen: list[object] = []
        self.arrived = asyncio.Event()
        self.fails = False

    def begin(self) -> None:
        self.seen.append("begin")

    def accept(self, arrived: Arrived) -> None:
        self.arrived.set()
        if self.fails:
            raise ValueError("a frame that cannot be read")
        self.seen.append(arrived.frame)

    async def next(self) -> None:
        await asyncio.wait_for(self.arrived.wait(), LONG_S)
        self.arrived.clear()


def frame() -> av.AudioFrame:
    return av.AudioFrame(format="s16", layout="mono", samples=160)


async def test_tracks_are_read_one_after_the_other() -> None:
    """Old frames of the first track are left out; when one ends the next is read as soon as there is one."""
    first, second, sink = Track(), Track(), Sink()
    current: list[Track | None] = [first]
    pump = SourcePump("microphone", lambda: current[0], sink)
    first.frames.put_nowait(frame())
    pump.start()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    a, b = frame(), frame()
    first.frames.put_nowait(a)
    await sink.next()
    first.frames.put_nowait(None)
    await asyncio.sleep(0.01)
    current[0] = None
    pump.look_again()
    await asyncio.sleep(0.01)
    current[0] = second
    second.frames.put_nowait(b)
    pump.look_again()
    await sink.next()
    assert sink.seen == ["begin", a, "begin", b]
    assert (first.discarded, second.discarded) == (1, 0)
    pump.stop()
    await asyncio.wait_for(pump.ended(), LONG_S)
    assert len(asyncio.all_tasks()) == 1


async def test_a_frame_that_cannot_be_read_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """A sink that fails is logged once with its traceback, and the next frames still come."""
    track, sink = Track(), Sink()
    pump = SourcePump("camera", lambda: track, sink)
    pump.start()
    await asyncio.sleep(0.01)
    sink.fails = True
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            track.frames.put_nowait(frame())
            await sink.next()
    sink.fails = False
    good = frame()
    track.frames.put_nowait(good)
    await sink.next()
    assert sink.seen == ["begin", good]
    assert caplog.text.count("ValueError: a frame that cannot be read") == 1
    pump.stop()
    await pump.ended()


async def test_a_pump_that_never_began_has_nothing_to_end() -> None:
    """Stopping what was not started does nothing."""
    pump = SourcePump("screen", lambda: None, Sink())
    pump.stop()
    await pump.ended()
