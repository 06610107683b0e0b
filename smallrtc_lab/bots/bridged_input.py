"""A client's camera, screen or microphone as a kernel gets it across the bridge."""

from __future__ import annotations

import asyncio
import time
from fractions import Fraction
from typing import Any, Literal

import av
import numpy as np
from aiortc.mediastreams import MediaStreamError

from smallrtc_lab.engine.client import EngineClient
from smallrtc_lab.errors import ClosedError, EngineError
from smallrtc_lab.framing import Header
from smallrtc_lab.media.resample import to_int16
from smallrtc_lab.media.streams import BoundedQueue
from smallrtc_lab.rtc.sections import Section

__all__ = ["BridgedTrack"]

RATE_HZ = 48_000
SAMPLES = 960  # 20 ms
SOUND_CREDITS = 50  # blocks that may wait here: one second
VIDEO_TIME_BASE = Fraction(1, 90_000)
AUDIO_TIME_BASE = Fraction(1, RATE_HZ)


class BridgedTrack:
    """A :class:`~smallrtc_lab.rtc.client.ClientTrack`; the engine is asked for its frames when it is first read.

    Pictures are rgb24, the newest that there is; sound is s16 stereo of 48 kHz, 20 ms each. ``pts`` count from the
    beginning of the engine's session.
    """

    def __init__(self, client: EngineClient, session: str, section: Section) -> None:
        self.section = section
        self.kind: Literal["audio", "video"] = "audio" if section is Section.AUDIO else "video"
        self._client = client
        self._session = session
        self._loop = asyncio.get_running_loop()
        self._items: BoundedQueue[tuple[Header, bytes]] = BoundedQueue(SOUND_CREDITS)
        self._number: int | None = None
        self._asking = asyncio.Lock()
        self._enabled = True

    def is_enabled(self) -> bool:
        """Whether the client's source is switched on."""
        return self._enabled

    def set_enabled(self, enabled: bool) -> None:
        """The client switched its source on or off."""
        self._enabled = enabled

    async def recv(self) -> av.VideoFrame | av.AudioFrame:
        """The next frame; raises aiortc's ``MediaStreamError`` when the track has ended."""
        try:
            await self._ask()
            header, payload = await self._items.get()
            return self._sound(header, payload) if self.kind == "audio" else self._picture(header)
        except (ClosedError, EngineError):
            raise MediaStreamError("the track has ended") from None

    async def recv_timed(self) -> tuple[av.VideoFrame | av.AudioFrame, float]:
        """The next frame, and when it was taken, in seconds of :func:`time.monotonic`."""
        return await self.recv(), time.monotonic()

    def take_report(self) -> None:
        """None: the engine has used the sender's reports for ``pts`` already."""
        return

    async def discard_old_frames(self) -> None:
        """Forget what waited, so that the next frame is new."""
        while (item := self._items.get_nowait()) is not None:
            self._done(item[0])

    def end(self) -> None:
        """No more frames; the engine stops to deliver them."""
        if self._items.closed:
            return
        self._items.close()
        self._forget_if_ended()

    async def _ask(self) -> None:
        """Subscribe, once. The engine's answer comes by another thread, so it is waited for in one."""
        async with self._asking:
            if self._number is not None or self._items.closed:
                return
            kind, request = self._request()
            self._number = await asyncio.to_thread(
                self._client.subscribe, self._session, kind, self._delivered, processor=None, **request
            )
            self._forget_if_ended()

    def _forget_if_ended(self) -> None:
        if self._items.closed and self._number is not None:
            self._client.unsubscribe(self._session, self._number)

    def _request(self) -> tuple[str, dict[str, Any]]:
        if self.kind == "audio":
            return "audio", {
                "block": SAMPLES,
                "sample_rate": RATE_HZ,
                "channels": 2,
                "credits": SOUND_CREDITS,
            }
        return "video", {"source": self.section.name.lower(), "native": True}

    def _delivered(self, header: Header, payload: bytes) -> None:
        """On the bridge's reader thread."""
        try:
            self._loop.call_soon_threadsafe(self._take, header, payload)
        except RuntimeError:  # the bot's loop has ended
            self._done(header)

    def _take(self, header: Header, payload: bytes) -> None:
        if self._items.closed:
            self._done(header)
        else:
            self._items.put((header, payload))

    def _done(self, header: Header) -> None:
        if "slot" in header:
            self._client.free(header)
        self._client.send({"type": "done", "session": self._session, "subscription": header["subscription"]})

    def _picture(self, header: Header) -> av.VideoFrame:
        try:
            picture = self._client.picture(header)
        finally:
            self._done(header)
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts, frame.time_base = round(header["time_s"] / VIDEO_TIME_BASE), VIDEO_TIME_BASE
        return frame

    def _sound(self, header: Header, payload: bytes) -> av.AudioFrame:
        self._done(header)
        samples = to_int16(np.frombuffer(payload, np.float32)).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="stereo")
        frame.sample_rate = RATE_HZ
        frame.pts, frame.time_base = round(header["start_s"] * RATE_HZ), AUDIO_TIME_BASE
        return frame
