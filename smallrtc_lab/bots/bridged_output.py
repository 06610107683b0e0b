"""A program's sound and pictures on their way across the bridge: tracks read here, sent by the engine."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from typing import Any, Literal, TypeAlias

import av
import numpy as np
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

from smallrtc_lab.engine.client import EngineClient
from smallrtc_lab.media.resample import Resampler, from_av, to_float, to_int16

__all__ = ["BridgedOutput"]

logger = logging.getLogger(__name__)

Kind: TypeAlias = Literal["audio", "video"]
RATE_HZ = 48_000
CHANNELS = 2


class BridgedOutput:
    """Reads one track after the other, as fast as each paces itself, and hands every frame to the engine.

    Nothing is read while the client takes nothing of this kind, or is not there. The first frame takes the place of
    what callbacks return.
    """

    def __init__(self, client: EngineClient, session: str, kind: Kind) -> None:
        self.dropped = 0  # pictures for which the engine had given no memory back
        self._client = client
        self._session = session
        self._kind = kind
        self._track: MediaStreamTrack | None = None
        self._task: asyncio.Task[None] | None = None
        self._resampler: Resampler | None = None
        self._taken = False
        self._in_place = False

    def use(self, track: MediaStreamTrack | None) -> None:
        """Send this track from now on, or none."""
        if track is None:
            self._let_go()
        self._track = track
        self._read_anew()

    def taken(self, taken: bool) -> None:
        """Whether the client is there and takes this kind."""
        if taken != self._taken:
            self._taken = taken
            self._read_anew()

    def _read_anew(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None
        if self._track is not None and self._taken:
            loop = asyncio.get_running_loop()
            self._task = loop.create_task(self._pump(self._track), name=f"send {self._kind}")

    async def close(self) -> None:
        """Read no more; the track is stopped, as a connection does with what it sent."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait({task})
        if self._track is not None:
            self._track.stop()

    def _let_go(self) -> None:
        if self._in_place:
            self._in_place = False
            self._client.submit("outlet", session=self._session, kind=self._kind, on=False)

    async def _pump(self, track: MediaStreamTrack) -> None:
        send: Callable[[Any], Coroutine[Any, Any, None]] = (
            self._send_sound if self._kind == "audio" else self._send_picture
        )
        try:
            while True:
                frame = await track.recv()
                if not self._in_place:
                    self._in_place = True
                    self._client.submit("outlet", session=self._session, kind=self._kind, on=True)
                await send(frame)
        except MediaStreamError:
            logger.debug("a program's %s track ended", self._kind)

    async def _send_sound(self, frame: av.AudioFrame) -> None:
        samples = to_float(from_av(frame))
        form = (frame.sample_rate, samples.shape[1])
        if self._resampler is None or (self._resampler.in_rate, self._resampler.in_channels) != form:
            self._resampler = Resampler(form[0], RATE_HZ, form[1], CHANNELS)
        ready = to_int16(self._resampler.push(samples))
        self._client.send({"type": "sound", "session": self._session}, ready.tobytes())

    async def _send_picture(self, frame: av.VideoFrame) -> None:
        # Both sides of planar 4:2:0 are even.
        even = frame.reformat(width=frame.width & ~1, height=frame.height & ~1, format="yuv420p")
        planar = even.to_ndarray().astype(np.uint8, copy=False)
        slot = self._client.lend(planar)
        if slot is None:
            self.dropped += 1
            return
        header = {"type": "picture", "session": self._session, "slot": list(slot), "shape": planar.shape}
        self._client.send({**header, "time_s": _time_s(frame)})


def _time_s(frame: av.VideoFrame) -> float:
    """By the track's own count; a track without one is sent as it comes."""
    if frame.pts is None or frame.time_base is None:
        return time.monotonic()
    return float(frame.pts * frame.time_base)
