"""What a program in the kernel sends to the browser by itself, instead of a callback's results.

Pictures are shown as they come, the newest first. Sound comes in real time from a kernel that a cell may keep
busy, so a little of it is gathered before a stretch of it is played.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Literal, TypeAlias

import av
import numpy as np
import numpy.typing as npt
from aiortc import MediaStreamTrack

from smallrtc_lab.framing import Header
from smallrtc_lab.rtc.tracks import AudioPull, OutputAudioTrack, OutputVideoTrack

from .arena import SlotRef
from .bridge import Bridge

__all__ = ["Outlets", "SoundOutlet"]

logger = logging.getLogger(__name__)

Kind: TypeAlias = Literal["audio", "video"]

RATE_HZ = 48_000
GATHERED = RATE_HZ * 60 // 1000  # samples before a stretch begins: what a busy kernel comes late by, usually
BOUND = RATE_HZ  # samples that wait at most


class SoundOutlet:
    """Sound of the kernel's on its way out, an :class:`~smallrtc_lab.rtc.tracks.AudioPull`."""

    def __init__(self) -> None:
        self.dropped = 0  # samples that came faster than they can be played
        self.track = OutputAudioTrack(self)
        self._blocks: deque[npt.NDArray[np.int16]] = deque()
        self._waiting = 0
        self._playing = False

    def new_track(self, over: Callable[[AudioPull], AudioPull]) -> OutputAudioTrack:
        """A track for a new connection, with what is laid ``over`` this; the one before gets no more sound."""
        self.track = OutputAudioTrack(over(self))
        return self.track

    def put(self, payload: bytes) -> None:
        """Sound of 48 kHz, (n, 2) int16, to be played after what waits already."""
        block = np.frombuffer(payload, np.int16).reshape(-1, 2)
        self._blocks.append(block)
        self._waiting += len(block)
        while self._waiting > BOUND:
            oldest = self._blocks.popleft()
            self._waiting -= len(oldest)
            self.dropped += len(oldest)
        if not self._playing and self._waiting >= GATHERED:
            self._playing = True
            self.track.resume()

    def read(self, count: int) -> npt.NDArray[np.int16] | None:
        """The next samples, padded with silence at the end of a stretch; None while there is nothing to play."""
        if not self._playing or not self._waiting:
            self._playing = False
            return None
        samples = np.zeros((count, 2), np.int16)
        filled = 0
        while filled < count and self._blocks:
            block = self._blocks.popleft()
            taken = min(len(block), count - filled)
            samples[filled : filled + taken] = block[:taken]
            filled += taken
            if taken < len(block):
                self._blocks.appendleft(block[taken:])
        self._waiting -= filled
        return samples


class Outlets:
    """Which kinds a program sends by itself, and what it sends. On the engine's loop."""

    def __init__(self, bridge: Bridge, executor: Executor) -> None:
        self.sound = SoundOutlet()
        self._picture = OutputVideoTrack()
        self._used: set[Kind] = set()
        self._bridge = bridge
        self._executor = executor

    def use(self, kind: Kind, on: bool) -> None:
        """Whether the program sends this kind from now on."""
        (self._used.add if on else self._used.discard)(kind)

    @property
    def video_track(self) -> OutputVideoTrack | None:
        """The track of the pictures that the program sends, or None when it sends none."""
        return self._picture if "video" in self._used else None

    @property
    def told(self) -> Header:
        """What stands in a processor's place, as pages are told, of each kind that the program sends."""
        return {kind: {"name": "lab.transport", "state": "running", "controls": {}} for kind in self._used}

    def new_sound_track(self, over: Callable[[AudioPull], AudioPull]) -> OutputAudioTrack | None:
        """A track for a connection, or None when the program sends no sound."""
        return self.sound.new_track(over) if "audio" in self._used else None

    def new_picture_track(self) -> MediaStreamTrack | None:
        """A track for a connection, or None when the program sends no pictures."""
        if "video" not in self._used:
            return None
        self._picture = OutputVideoTrack()
        return self._picture

    async def picture(self, header: Header) -> None:
        """Show the picture in a slot of the kernel's: planar yuv420p, ``shape`` (height · 3/2, width)."""
        ref = SlotRef.from_json(header["slot"])
        loop = asyncio.get_running_loop()
        try:
            frame = await loop.run_in_executor(self._executor, self._read, ref, tuple(header["shape"]))
        finally:
            self._bridge.free(ref)
        self._picture.put(frame, header["time_s"])

    def _read(self, ref: SlotRef, shape: tuple[int, ...]) -> av.VideoFrame:
        view = self._bridge.attachments.view(ref)
        return av.VideoFrame.from_ndarray(np.frombuffer(view, np.uint8).reshape(shape), format="yuv420p")

    def stats(self) -> Header:
        """What was sent and what could not be."""
        return {
            "sound_dropped_s": round(self.sound.dropped / RATE_HZ, 3),
            "pictures_sent": self._picture.sent,
            "pictures_dropped": self._picture.dropped,
        }
