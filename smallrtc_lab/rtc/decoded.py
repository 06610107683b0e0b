"""One source of a client, decoded: bounded whether anybody reads or not, whatever brought it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, TypeAlias

import av
from aiortc.mediastreams import MediaStreamError

from smallrtc_lab.errors import ClosedError
from smallrtc_lab.media.encoded import EncodedPacket
from smallrtc_lab.media.streams import BoundedQueue, LatestSlot

if TYPE_CHECKING:
    from .sections import Section

__all__ = ["AUDIO_FRAMES", "DecodedTrack", "Frame"]

Frame: TypeAlias = av.VideoFrame | av.AudioFrame

AUDIO_FRAMES = 250  # five seconds of 20 ms frames


class DecodedTrack:
    """The newest picture, or the last five seconds of sound.

    ``received`` counts the frames that were decoded, ``dropped`` those that nobody took in time.
    ``on_encoded(packet)``, when set, gets every encoded picture or packet of sound. All of it on the media loop.
    """

    def __init__(self, section: Section, kind: Literal["audio", "video"], track_id: str) -> None:
        self.section = section
        self.kind = kind
        self.id = track_id
        self.received = 0
        self.enabled = True
        self.on_encoded: Callable[[EncodedPacket], None] | None = None
        self._frames: BoundedQueue[tuple[Frame, float]] = (
            BoundedQueue(AUDIO_FRAMES) if kind == "audio" else LatestSlot()
        )

    async def recv(self) -> Frame:
        """The next frame; raises aiortc's ``MediaStreamError`` when the track has ended."""
        return (await self.recv_timed())[0]

    async def recv_timed(self) -> tuple[Frame, float]:
        """The next frame and when it was decoded, in seconds of ``time.monotonic``."""
        try:
            return await self._frames.get()
        except ClosedError:
            raise MediaStreamError("the track has ended") from None

    @property
    def readyState(self) -> Literal["live", "ended"]:
        """As in W3C MediaStreamTrack."""
        return "ended" if self._frames.closed else "live"

    @property
    def dropped(self) -> int:
        """Decoded frames that nobody took before newer ones came."""
        return self._frames.dropped

    def set_enabled(self, enabled: bool) -> None:
        """What the client said about its source; frames of a disabled source are not kept."""
        self.enabled = enabled

    def is_enabled(self) -> bool:
        """Whether the client's source is switched on."""
        return self.enabled

    async def discard_old_frames(self) -> None:
        """Forget what waits, so that the next ``recv`` gives something that is still to come."""
        while self._frames.get_nowait() is not None:
            self._frames.dropped += 1

    def _tell_encoded(self, packet: EncodedPacket) -> None:
        if self.on_encoded is not None and self.enabled:
            self.on_encoded(packet)

    def _decoded(self, frame: Frame) -> None:
        self.received += 1
        if self.enabled:
            self._frames.put((frame, time.monotonic()))
