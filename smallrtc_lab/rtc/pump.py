"""One source of a client, read for as long as its connection lives, through restarts and switched-off devices."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Protocol

import av
from aiortc.mediastreams import MediaStreamError

from smallrtc_lab.media.clock import SenderReport

from .client import ClientTrack, TimedTrack

__all__ = ["Arrived", "FrameSink", "SourcePump"]

logger = logging.getLogger(__name__)


class Arrived:
    """A frame, when it came (seconds of :func:`time.monotonic`), and perhaps a sender report that came before."""

    __slots__ = ("at_s", "frame", "report")

    def __init__(
        self, frame: av.VideoFrame | av.AudioFrame, at_s: float, report: SenderReport | None = None
    ) -> None:
        self.frame = frame
        self.at_s = at_s
        self.report = report


class FrameSink(Protocol):
    """Where a pump puts what it reads; called on the loop, must be quick."""

    def begin(self) -> None:
        """Another track: its pts begin anew."""

    def accept(self, arrived: Arrived) -> None:
        """The next frame of the track."""


class SourcePump:
    """Reads whatever track ``track_of()`` answers, one after the other, into ``sink``."""

    def __init__(self, name: str, track_of: Callable[[], ClientTrack | None], sink: FrameSink) -> None:
        self.name = name
        self._track_of = track_of
        self._sink = sink
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._failed = False

    def start(self) -> None:
        """Begin to read; what waited until now is not part of it. A second call does nothing."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name=f"transport {self.name}")

    def look_again(self) -> None:
        """There may be another track now."""
        self._changed.set()

    def stop(self) -> None:
        """Read no more."""
        if self._task is not None:
            self._task.cancel()

    async def ended(self) -> None:
        """Wait until nothing runs any more; after :meth:`stop`."""
        if self._task is not None:
            await asyncio.wait({self._task})

    async def _run(self) -> None:
        ended: ClientTrack | None = None
        await _discard_old_frames(self._track_of())
        while True:
            self._changed.clear()
            track = self._track_of()
            if track is None or track is ended:
                await self._changed.wait()
                continue
            self._sink.begin()
            await self._read(track)
            ended = track

    async def _read(self, track: ClientTrack) -> None:
        try:
            while True:
                self._hand_over(await _next_of(track))
        except MediaStreamError:
            logger.debug("a track of the %s ended", self.name)

    def _hand_over(self, arrived: Arrived) -> None:
        try:
            self._sink.accept(arrived)
        except Exception:  # border: one frame that cannot be read must not end the source
            if not self._failed:
                logger.exception("a frame of the %s could not be read; more are left out silently", self.name)
            self._failed = True


async def _next_of(track: ClientTrack) -> Arrived:
    if isinstance(track, TimedTrack):
        frame, at_s = await track.recv_timed()
        return Arrived(frame, at_s, track.take_report())
    return Arrived(await track.recv(), time.monotonic())


async def _discard_old_frames(track: ClientTrack | None) -> None:
    discard = getattr(track, "discard_old_frames", None)  # ours and Pipecat's tracks can
    if discard is not None:
        await discard()
