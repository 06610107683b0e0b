"""One source of a client for a bot, by whichever way its frames come now."""

from __future__ import annotations

import asyncio
import time
from fractions import Fraction
from typing import Literal, TypeAlias

import av
from aiortc.mediastreams import MediaStreamError

from smallrtc_lab.engine.connections import SourceTrack
from smallrtc_lab.media.clock import SenderReport
from smallrtc_lab.rtc.sections import Section

__all__ = ["ClientSource"]

Frame: TypeAlias = av.VideoFrame | av.AudioFrame


class ClientSource:
    """The same object from the client's first frame to its last, for whoever holds it: a
    :class:`~smallrtc_lab.rtc.client.ClientTrack` and ``TimedTrack``.

    ``pts`` are one line that only grows: another way begins where the time has come to.
    """

    def __init__(self, section: Section) -> None:
        self.section = section
        self.kind: Literal["audio", "video"] = "audio" if section is Section.AUDIO else "video"
        self.id = f"client-{section.key}"
        self._time_base = Fraction(1, 48_000 if self.kind == "audio" else 90_000)
        self._track: SourceTrack | None = None
        self._changed = asyncio.Event()
        self._pending: asyncio.Task[tuple[Frame, float]] | None = None
        self._enabled = True
        self._closed = False
        self._offset: int | None = 0  # None: the next frame tells
        self._last_pts: int | None = None
        self._last_s = 0.0

    def use(self, track: SourceTrack | None) -> None:
        """Its frames come by this track from now on."""
        if track is self._track:
            return
        self._track = track
        self._offset = 0 if self._last_pts is None else None
        self._changed.set()
        if self._pending is not None:
            self._pending.cancel()

    def close(self) -> None:
        """The client has gone."""
        self._closed = True
        self.use(None)
        self._changed.set()

    @property
    def readyState(self) -> Literal["live", "ended"]:
        """As in W3C MediaStreamTrack."""
        return "ended" if self._closed else "live"

    def is_enabled(self) -> bool:
        """Whether the client's source is switched on."""
        return self._enabled

    def set_enabled(self, enabled: bool) -> None:
        """The client switched its source on or off."""
        self._enabled = enabled

    async def recv(self) -> Frame:
        """The next frame; raises aiortc's ``MediaStreamError`` when the client has gone."""
        return (await self.recv_timed())[0]

    async def recv_timed(self) -> tuple[Frame, float]:
        """The next frame and when it was decoded, in seconds of ``time.monotonic``."""
        while not self._closed:
            track = self._track
            if track is None:
                self._changed.clear()
                await self._changed.wait()
                continue
            found = await self._next_of(track)
            if found is not None:
                return self._stamped(found[0]), found[1]
        raise MediaStreamError("the client has gone")

    def take_report(self) -> SenderReport | None:
        """What the client said of its clock, once."""
        if self._track is None or self._offset is None:
            return None
        report = self._track.take_report()
        return None if report is None else report._replace(pts=report.pts + self._offset)

    async def discard_old_frames(self) -> None:
        """Forget what waits, so that the next ``recv`` gives something that is still to come."""
        discard = getattr(self._track, "discard_old_frames", None)
        if discard is not None:
            await discard()

    async def request_keyframe(self) -> bool:
        """Ask the client for a picture that needs no earlier one; returns whether a request went out."""
        return self._track is not None and await self._track.request_keyframe()

    async def _next_of(self, track: SourceTrack) -> tuple[Frame, float] | None:
        """None when the track has ended, or another one has taken its place."""
        # A task of its own: a way that is left may give no frame for seconds, and nobody waits for it.
        pending = self._pending = asyncio.ensure_future(track.recv_timed())
        try:
            await asyncio.wait({pending})
        finally:
            self._pending = None
            pending.cancel()
        if track is not self._track or pending.cancelled():
            return None
        error = pending.exception()
        if error is None:
            return pending.result()
        if not isinstance(error, MediaStreamError):
            raise error
        self.use(None)
        return None

    def _stamped(self, frame: Frame) -> Frame:
        now_s = time.monotonic()
        pts = frame.pts or 0
        if self._offset is None:
            assert self._last_pts is not None
            passed = max(1, round((now_s - self._last_s) / self._time_base))
            self._offset = self._last_pts + passed - pts
        if self._offset:
            frame.pts = pts = pts + self._offset
        self._last_pts, self._last_s = pts, now_s
        return frame
