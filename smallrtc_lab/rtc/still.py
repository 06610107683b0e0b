"""A picture that goes on being shown."""

from __future__ import annotations

import asyncio
import time

import av

from .outgoing import OutputVideoTrack

__all__ = ["StillVideoTrack"]


class StillVideoTrack(OutputVideoTrack):
    """Sends the newest picture again every ``repeat_s`` while no newer one is put: who comes late sees it, too.

    ``repeated`` counts those; nothing is repeated before the first picture, or while nobody reads the track.
    """

    def __init__(self, repeat_s: float) -> None:
        super().__init__()
        self.repeated = 0
        self._repeat_s = repeat_s
        self._newest: tuple[av.VideoFrame, float, float] | None = None  # picture, its time, when it was put

    def put(self, frame: av.VideoFrame, time_s: float) -> None:
        """Show ``frame`` from now on."""
        self._newest = (frame, time_s, time.monotonic())
        super().put(frame, time_s)

    async def recv(self) -> av.VideoFrame:
        """The next picture, or the same again."""
        if self._newest is None:
            return await super().recv()
        try:
            async with asyncio.timeout(self._repeat_s):
                return await super().recv()
        except TimeoutError:
            frame, time_s, put_s = self._newest
            super().put(frame, time_s + time.monotonic() - put_s)
            self.repeated += 1
            return await super().recv()
