"""What else is private of aiortc's receivers: sender reports, decoded frames, counters."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiortc import RTCRtpReceiver
from aiortc.rtcrtpreceiver import RemoteStreamTrack
from aiortc.rtp import RtcpSrPacket

__all__ = [
    "ReportedTime",
    "StreamCounters",
    "deliver_to",
    "read_counters",
    "watch_sender_reports",
]

_JITTER_BUFFER = "_RTCRtpReceiver__jitter_buffer"
_REMOTE_STREAMS = "_RTCRtpReceiver__remote_streams"
_RTX_SSRC = "_RTCRtpReceiver__rtx_ssrc"


@dataclass(frozen=True, slots=True)
class ReportedTime:
    """A sender report (RFC 3550 section 6.4.1): this RTP timestamp was ``ntp_s`` on the sender's clock.

    ``ntp_s`` is in seconds since 1900, ``arrival_s`` in seconds of :func:`time.monotonic`.
    """

    rtp_timestamp: int
    ntp_s: float
    arrival_s: float


def watch_sender_reports(receiver: RTCRtpReceiver, deliver: Callable[[ReportedTime], None]) -> None:
    """Hand the time in each sender report of a receiver's media stream to ``deliver``, on the media loop."""
    handle = receiver._handle_rtcp_packet
    retransmissions = getattr(receiver, _RTX_SSRC)

    async def handle_and_tell(packet: Any) -> None:
        if isinstance(packet, RtcpSrPacket) and packet.ssrc not in retransmissions:
            info = packet.sender_info
            if info.ntp_timestamp:  # 0 before a sender has sent anything
                ntp_s = info.ntp_timestamp / 2**32
                deliver(ReportedTime(info.rtp_timestamp, ntp_s, time.monotonic()))
        await handle(packet)

    receiver._handle_rtcp_packet = handle_and_tell  # type: ignore[method-assign]


class _Sink:
    """Stands where a remote track's unbounded queue stood and passes each frame on at once."""

    def __init__(self, deliver: Callable[[Any], None]) -> None:
        self._deliver = deliver

    async def put(self, frame: Any) -> None:
        self._deliver(frame)

    async def get(self) -> Any:
        raise RuntimeError("this track's frames go to its InputTrack: await its recv() instead")


def deliver_to(track: RemoteStreamTrack, deliver: Callable[[Any], None]) -> None:
    """Hand every decoded frame of ``track`` to ``deliver`` on the media loop, and None at its end.

    Call at the ``track`` event: aiortc passes the queue to the decoder thread when the receiver starts.
    """
    track._queue = _Sink(deliver)  # type: ignore[assignment]


@dataclass(frozen=True)
class StreamCounters:
    """What one receiver counted; ``jitter`` as in RFC 3550 section 6.4.1, in units of the RTP clock."""

    packets_received: int = 0
    packets_lost: int = 0
    jitter: int = 0


def read_counters(receiver: RTCRtpReceiver) -> StreamCounters:
    """Counters of a receiver's media stream, without its retransmission stream."""
    retransmissions = getattr(receiver, _RTX_SSRC)
    streams = getattr(receiver, _REMOTE_STREAMS)
    media = [stream for ssrc, stream in streams.items() if ssrc not in retransmissions]
    if not media:
        return StreamCounters()
    return StreamCounters(
        packets_received=sum(stream.packets_received for stream in media),
        packets_lost=max(0, sum(stream.packets_lost for stream in media)),
        jitter=int(media[-1].jitter),
    )
