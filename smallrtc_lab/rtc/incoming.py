"""What arrives from a client: decoded frames of one section, bounded and stamped."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from smallrtc_lab.media.clock import SenderReport

from . import _aiortc
from .decoded import DecodedTrack, Frame
from .playout import AudioJitterBuffer

if TYPE_CHECKING:
    from aiortc import RTCRtpReceiver
    from aiortc.rtcrtpreceiver import RemoteStreamTrack

    from .jitter import FrameAssembler
    from .sections import Section

__all__ = ["Frame", "InputTrack"]


class InputTrack(DecodedTrack):
    """One source of a client, by WebRTC. Frames come straight from aiortc's decoder."""

    def __init__(self, track: RemoteStreamTrack, receiver: RTCRtpReceiver, section: Section) -> None:
        super().__init__(section, "audio" if track.kind == "audio" else "video", track.id)
        self.decoder_ended = asyncio.Event()
        self.on_ended: Callable[[InputTrack], None] | None = None
        self._track = track
        self._receiver = receiver
        self._report: _aiortc.ReportedTime | None = None
        self._pts = 0  # of the newest frame
        self._buffer: FrameAssembler | AudioJitterBuffer = (
            _aiortc.release_at_marker(receiver, on_encoded=self._tell_encoded)
            if self.kind == "video"
            else _aiortc.release_in_order(receiver, on_encoded=self._tell_encoded)
        )
        _aiortc.ask_for_lost_packets(receiver)
        _aiortc.deliver_to(track, self._accept)
        _aiortc.watch_sender_reports(receiver, self._reported)

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

    def _reported(self, report: _aiortc.ReportedTime) -> None:
        self._report = report

    def _accept(self, frame: Any) -> None:
        if frame is None:
            self.decoder_ended.set()
            self.stop()
            return
        self._pts = frame.pts or 0
        self._decoded(frame)
