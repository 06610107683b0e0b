"""What arrives from a client: decoded frames of one section, bounded and stamped."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import av
from aiortc.mediastreams import MediaStreamError

from smallrtc_lab.errors import ClosedError
from smallrtc_lab.media.clock import SenderReport
from smallrtc_lab.media.encoded import EncodedPacket
from smallrtc_lab.media.streams import BoundedQueue, LatestSlot

from . import _aiortc
from .playout import AudioJitterBuffer

if TYPE_CHECKING:
    from aiortc import RTCRtpReceiver
    from aiortc.rtcrtpreceiver import RemoteStreamTrack

    from .jitter import FrameAssembler
    from .sections import Section

__all__ = ["Frame", "InputTrack"]

Frame: TypeAlias = av.VideoFrame | av.AudioFrame

AUDIO_FRAMES = 250  # five seconds of 20 ms frames


class InputTrack:
    """One source of a client: the newest picture, or the last five seconds of sound.

    Frames come straight from the decoder: whether anybody reads or not, nothing grows. ``received`` counts
    the frames that were decoded, ``dropped`` those that nobody took in time.
    ``on_encoded(packet)``, when set, gets every encoded picture or packet of sound. All of it on the media loop.
    """

    def __init__(self, track: RemoteStreamTrack, receiver: RTCRtpReceiver, section: Section) -> None:
        self.section = section
        self.kind: Literal["audio", "video"] = "audio" if track.kind == "audio" else "video"
        self.id: str = track.id
        self.received = 0
        self.enabled = True
        self.decoder_ended = asyncio.Event()
        self.on_ended: Callable[[InputTrack], None] | None = None
        self._track = track
        self._receiver = receiver
        self._frames: BoundedQueue[tuple[Frame, float]] = (
            BoundedQueue(AUDIO_FRAMES) if self.kind == "audio" else LatestSlot()
        )
        self._report: _aiortc.ReportedTime | None = None
        self._pts = 0  # of the newest frame
        self.on_encoded: _aiortc.EncodedHook | None = None
        self._buffer: FrameAssembler | AudioJitterBuffer = (
            _aiortc.release_at_marker(receiver, on_encoded=self._on_encoded)
            if self.kind == "video"
            else _aiortc.release_in_order(receiver, on_encoded=self._on_encoded)
        )
        _aiortc.ask_for_lost_packets(receiver)
        _aiortc.deliver_to(track, self._accept)
        _aiortc.watch_sender_reports(receiver, self._reported)

    async def recv(self) -> Frame:
        """The next frame; raises aiortc's ``MediaStreamError`` when the track has ended."""
        return (await self.recv_timed())[0]

    async def recv_timed(self) -> tuple[Frame, float]:
        """The next frame and when it was decoded, in seconds of ``time.monotonic``."""
        try:
            return await self._frames.get()
        except ClosedError:
            raise MediaStreamError("the track has ended") from None

    def take_report(self) -> SenderReport | None:
        """The newest sender report that was not taken yet, once there are frames it can be laid beside."""
        report, origin = self._report, _aiortc.rtp_origin(self._receiver)
        if report is None or origin is None or not self.received:
            return None
        self._report = None
        # The 32-bit timestamp that is nearest to the newest frame's.
        ahead = (report.rtp_timestamp - origin - self._pts + 2**31) % 2**32 - 2**31
        return SenderReport(self._pts + ahead, report.ntp_s, report.arrival_s)

    @property
    def readyState(self) -> Literal["live", "ended"]:
        """As in W3C MediaStreamTrack."""
        return "ended" if self._frames.closed else "live"

    @property
    def dropped(self) -> int:
        """Decoded frames that nobody took before newer ones came."""
        return self._frames.dropped

    @property
    def encoded_dropped(self) -> int:
        """Encoded frames that were dropped because decoding could not keep up."""
        return _aiortc.queue_dropped(self._receiver)

    @property
    def gaps_skipped(self) -> int:
        """How often lost packets were given up."""
        return self._buffer.gaps_skipped

    @property
    def packets_late(self) -> int:
        """Packets of sound that came after they had been given up; of video also duplicates."""
        return self._buffer.packets_late

    @property
    def jitter_depth_s(self) -> float | None:
        """How long sound is waited for, which follows the jitter measured; None for video."""
        return self._buffer.depth_s if isinstance(self._buffer, AudioJitterBuffer) else None

    @property
    def receiver(self) -> RTCRtpReceiver:
        """The aiortc receiver behind this track."""
        return self._receiver

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

    async def request_keyframe(self) -> bool:
        """Ask the client for a picture that needs no earlier one; returns whether a request went out."""
        return await _aiortc.request_keyframe(self._receiver)

    def stop(self) -> None:
        """Take no more frames; whoever waits in ``recv`` gets ``MediaStreamError``."""
        if self._frames.closed:
            return
        self._frames.close()
        self._track.stop()
        if self.on_ended is not None:
            self.on_ended(self)

    def _on_encoded(self, packet: EncodedPacket) -> None:
        if self.on_encoded is not None and self.enabled:
            self.on_encoded(packet)

    def _reported(self, report: _aiortc.ReportedTime) -> None:
        self._report = report

    def _accept(self, frame: Any) -> None:
        if frame is None:
            self.decoder_ended.set()
            self.stop()
            return
        self.received += 1
        self._pts = frame.pts or 0
        if self.enabled:
            self._frames.put((frame, time.monotonic()))
