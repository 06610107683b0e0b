"""The fence: the only place that touches what aiortc and aioice keep private.

Written against aiortc 1.16 and aioice 0.13; ``tests/unit/test_rtc_aiortc.py`` fails loudly when one of the
names below changes. Everything is done to one instance, never to a module, but for the one constant that aiortc reads
from its module wherever it is used. Each touch, and when it can go:

==================================================  ====================================================
touch                                               can go when
==================================================  ====================================================
``RTCRtpReceiver.__jitter_buffer``                  aiortc releases a video frame at its marker bit, and
                                                    sound without holding 4 packets, 16 after a loss
``RTCRtpReceiver.__decoder_queue``                  that queue is bounded (aiortc issue 283: ``stop`` joins
                                                    the thread on the loop, behind everything queued)
``RTCRtpReceiver.__codecs``                         with the jitter buffer
``RTCRtpReceiver.__remote_streams, __rtx_ssrc``     ``getStats`` tells a stream from its retransmissions
``RTCRtpReceiver.__decoder_thread``                 (only asked whether it exists)
``RTCRtpReceiver._send_rtcp_pli``                   there is a public way to ask for a keyframe
``RTCRtpSender._send_keyframe``                     a track of packets is told that a receiver asks for a
                                                    keyframe
``RTCRtpSender.__encoder`` and                      the range of bitrates is a setting of a sender (aiortc
``Vp8Encoder.__target_bitrate``                     issues 402 and 1159)
``RTCRtpSender._next_encoded_frame``                what is sent can be had encoded (W3C encoded transform)
``RTCRtpTransceiver._codecs``                       there is a public way to see what was negotiated
``RTCRtpReceiver._handle_rtcp_packet``              a BYE no longer ends a receiver for ever, and sender reports
                                                    can be read
``RemoteStreamTrack._queue``                        that queue is bounded
``RTCIceGatherer._connection`` and, of aioice,      aioice offers 127.0.0.1 when asked, takes a gathering
``get_component_candidates``, ``_nominated``,       deadline, and tells the selected pair and those tried
``_check_list``
``RTCSctpTransport._srtt``                          ``getStats`` of the data channel's transport has it
``RTCSctpTransport._last_sacked_tsn``, and its      there is a public way to see that what was sent is taken
queues ``_sent_queue``, ``_outbound_queue``
``rtcsctptransport.USERDATA_MAX_LENGTH``            the size of a chunk is a setting of aiortc's
==================================================  ====================================================
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from aiortc import RTCPeerConnection, RTCRtpReceiver, RTCRtpSender, RTCRtpTransceiver, rtcsctptransport
from aiortc.codecs import depayload
from aiortc.codecs.h264 import H264Encoder
from aiortc.codecs.vpx import Vp8Encoder
from aiortc.rtcicetransport import RTCIceTransport
from aiortc.rtcrtpreceiver import RemoteStreamTrack
from aiortc.rtp import RtcpByePacket, RtcpSrPacket

from smallrtc_lab.media.encoded import EncodedPacket

from .bitrate import H264_RANGE, VP8_RANGE, VideoBitrate
from .decoder_queue import DecoderQueue
from .jitter import EncodedFrame, FrameAssembler, TimestampUnwrapper
from .keyframes import is_keyframe
from .playout import AudioJitterBuffer, AudioPacket
from .stall import Progress

__all__ = [
    "EncodedHook",
    "PairTypes",
    "ReportedTime",
    "StreamCounters",
    "TriedPair",
    "add_loopback_candidate",
    "bound_decoder",
    "cap_gathering",
    "cut_messages",
    "deliver_to",
    "end_decoder",
    "queue_dropped",
    "read_counters",
    "read_sctp_progress",
    "read_sctp_rtt_s",
    "release_at_marker",
    "release_in_order",
    "request_keyframe",
    "request_own_keyframe",
    "rtp_origin",
    "selected_pair",
    "sending_codec",
    "tap_sender",
    "tried_pairs",
    "use_bitrate",
    "watch_keyframe_requests",
    "watch_sender_reports",
]

EncodedHook: TypeAlias = Callable[[EncodedPacket], None]

VIDEO_QUEUE_FRAMES = 8
AUDIO_QUEUE_FRAMES = 250  # five seconds of 20 ms packets: what came while this process stood still
KEYFRAME_INTERVAL_S = 0.5  # requests closer together than a keyframe needs to arrive only cost bitrate

_JITTER_BUFFER = "_RTCRtpReceiver__jitter_buffer"
_DECODER_QUEUE = "_RTCRtpReceiver__decoder_queue"
_DECODER_THREAD = "_RTCRtpReceiver__decoder_thread"
_CODECS = "_RTCRtpReceiver__codecs"
_REMOTE_STREAMS = "_RTCRtpReceiver__remote_streams"
_RTX_SSRC = "_RTCRtpReceiver__rtx_ssrc"
_ENCODER = "_RTCRtpSender__encoder"
_VP8_TARGET = "_Vp8Encoder__target_bitrate"


class _MarkerRelease:
    """Stands where aiortc's ``JitterBuffer`` stood, and feeds the decoder itself.

    aiortc's own buffer hands over one frame a packet; a packet that fills a gap may complete several, so
    ``add`` queues them all and answers that there is none left.
    """

    def __init__(
        self,
        receiver: RTCRtpReceiver,
        assembler: FrameAssembler,
        queue: DecoderQueue,
        on_encoded: EncodedHook | None,
    ) -> None:
        self.assembler = assembler
        self.media_ssrc: int | None = None
        self.on_encoded = on_encoded
        self._codecs: dict[int, Any] = getattr(receiver, _CODECS)
        self._queue = queue
        self._timestamps = TimestampUnwrapper()
        self._asked_s = float("-inf")

    @property
    def rtp_origin(self) -> int | None:
        """The RTP timestamp of the first picture, whose pts is 0."""
        return self._timestamps.origin

    def add(self, packet: Any) -> tuple[bool, None]:
        """Take a packet; True asks aiortc to send a PLI."""
        now_s = time.monotonic()
        self.media_ssrc = packet.ssrc
        release = self.assembler.add(
            packet.sequence_number, packet.timestamp, bool(packet.marker), packet._data, now_s
        )
        for frame in release.frames:
            self._decode(frame, self._codecs[packet.payload_type])
        wanted = release.needs_keyframe or self._queue.wants_keyframe
        return wanted and self.may_ask(now_s), None

    def may_ask(self, now_s: float) -> bool:
        """Whether the last request for a keyframe is long enough ago; counts as a request if so."""
        if now_s - self._asked_s < KEYFRAME_INTERVAL_S:
            return False
        self._asked_s = now_s
        return True

    def _decode(self, frame: EncodedFrame, codec: Any) -> None:
        frame.timestamp = self._timestamps.unwrap(frame.timestamp)
        keyframe = is_keyframe(codec.name, frame.data)
        self._queue.put((codec, frame), keyframe=keyframe)
        if self.on_encoded is not None:
            self.on_encoded(EncodedPacket(frame.data, codec.name, codec.clockRate, frame.timestamp, keyframe))


def release_at_marker(
    receiver: RTCRtpReceiver,
    *,
    on_encoded: EncodedHook | None = None,
    assembler: FrameAssembler | None = None,
    queue_frames: int = VIDEO_QUEUE_FRAMES,
) -> FrameAssembler:
    """Make one video receiver release frames at their marker bit, with a bounded decoder queue.

    ``on_encoded(packet)`` is called on the media loop with every encoded picture. Call before the receiver started
    (at the ``track`` event); raises ``RuntimeError`` when it did. Returns the assembler, for its counters.
    """
    queue = bound_decoder(receiver, video=True, limit=queue_frames)
    assembler = assembler or FrameAssembler()
    setattr(receiver, _JITTER_BUFFER, _MarkerRelease(receiver, assembler, queue, on_encoded))
    return assembler


class _SoundRelease:
    """Stands where aiortc's ``JitterBuffer`` for sound stood; a timer hands on what waited long enough."""

    def __init__(
        self,
        receiver: RTCRtpReceiver,
        buffer: AudioJitterBuffer,
        queue: DecoderQueue,
        on_encoded: EncodedHook | None,
    ) -> None:
        self.buffer = buffer
        self.on_encoded = on_encoded
        self._codecs: dict[int, Any] = getattr(receiver, _CODECS)
        self._codec: Any = None
        self._queue = queue
        self._timer: asyncio.TimerHandle | None = None

    @property
    def rtp_origin(self) -> int | None:
        """The RTP timestamp of the sound whose pts is 0."""
        return self.buffer.rtp_origin

    def add(self, packet: Any) -> tuple[bool, None]:
        """Take a packet; aiortc is never asked for a PLI, and left no frame to decode."""
        if self._queue.ended:
            return False, None
        now_s = time.monotonic()
        self._codec = self._codecs[packet.payload_type]
        sound = AudioPacket(
            packet.ssrc, packet.sequence_number, packet.timestamp, self._codec.clockRate, packet._data
        )
        self._decode(self.buffer.add(sound, now_s))
        self._wake_at(self.buffer.due_s, now_s)
        return False, None

    def end(self) -> None:
        """Hand on nothing more."""
        self._wake_at(None, 0.0)

    def _decode(self, frames: list[EncodedFrame]) -> None:
        codec = self._codec
        for frame in frames:
            self._queue.put((codec, frame))
            if self.on_encoded is not None:
                self.on_encoded(EncodedPacket(frame.data, codec.name, codec.clockRate, frame.timestamp, True))

    def _wake_at(self, due_s: float | None, now_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if due_s is not None:
            self._timer = asyncio.get_running_loop().call_later(max(0.0, due_s - now_s), self._due)

    def _due(self) -> None:
        now_s = time.monotonic()
        self._decode(self.buffer.poll(now_s))
        self._wake_at(self.buffer.due_s, now_s)


def release_in_order(
    receiver: RTCRtpReceiver,
    *,
    on_encoded: EncodedHook | None = None,
    queue_packets: int = AUDIO_QUEUE_FRAMES,
) -> AudioJitterBuffer:
    """Make one audio receiver hand packets to its decoder as :class:`AudioJitterBuffer` sets them free.

    Frames keep their timestamps: a packet that never came is a jump in their pts. ``on_encoded`` and the moment
    to call this are those of :func:`release_at_marker`. Returns the buffer, for its depth and counters.
    """
    queue = bound_decoder(receiver, video=False, limit=queue_packets)
    release = _SoundRelease(receiver, AudioJitterBuffer(), queue, on_encoded)
    setattr(receiver, _JITTER_BUFFER, release)
    return release.buffer


def bound_decoder(receiver: RTCRtpReceiver, *, video: bool, limit: int = AUDIO_QUEUE_FRAMES) -> DecoderQueue:
    """Put a bounded queue in front of a receiver's decoder, and let the receiver survive a BYE.

    A browser sends BYE when a source is switched off; aiortc then ends the decoder although the same source
    may be switched on again without a new offer. The decoder ends when the connection does.
    """
    if getattr(receiver, _DECODER_THREAD) is not None:
        raise RuntimeError("the receiver runs already; call this at the track event")
    queue = DecoderQueue(video=video, limit=limit)
    setattr(receiver, _DECODER_QUEUE, queue)
    handle = receiver._handle_rtcp_packet

    async def handle_but_bye(packet: Any) -> None:
        if not isinstance(packet, RtcpByePacket):
            await handle(packet)

    receiver._handle_rtcp_packet = handle_but_bye  # type: ignore[method-assign]
    return queue


def end_decoder(receiver: RTCRtpReceiver) -> bool:
    """Tell a receiver's decoder thread to end after its current frame, without waiting for it.

    Its track ends when it has, so that aiortc's own blocking join, later, finds nothing left to wait for.
    Returns whether there is such a thread.
    """
    if getattr(receiver, _DECODER_THREAD) is None:
        return False
    buffer = getattr(receiver, _JITTER_BUFFER)
    if isinstance(buffer, _SoundRelease):
        buffer.end()
    getattr(receiver, _DECODER_QUEUE).put(None)
    return True


def queue_dropped(receiver: RTCRtpReceiver) -> int:
    """Encoded frames that were dropped because the decoder could not keep up."""
    queue = getattr(receiver, _DECODER_QUEUE)
    return queue.dropped if isinstance(queue, DecoderQueue) else 0


async def request_keyframe(receiver: RTCRtpReceiver) -> bool:
    """Ask the sender for a keyframe (PLI), at most twice a second; returns whether a request went out."""
    buffer = getattr(receiver, _JITTER_BUFFER)
    if not isinstance(buffer, _MarkerRelease) or buffer.media_ssrc is None:
        return False
    if not buffer.may_ask(time.monotonic()):
        return False
    await receiver._send_rtcp_pli(buffer.media_ssrc)
    return True


def watch_keyframe_requests(sender: RTCRtpSender, asked: Callable[[], None]) -> Callable[[], None]:
    """Call ``asked()``, on the media loop, whenever the receiver needs a keyframe (PLI or FIR, RFC 4585 and 5104).

    aiortc hears them for its own encoder only, and packets pass that by. Returns what asks that encoder for one.
    """
    own = sender._send_keyframe

    def ask_both() -> None:
        own()
        asked()

    sender._send_keyframe = ask_both  # type: ignore[method-assign]
    return own


def tap_sender(sender: RTCRtpSender, hook: Callable[[], EncodedHook | None]) -> None:
    """Hand a copy of everything ``sender`` encodes, before it is sent, to what ``hook()`` returns at that time."""
    encode = sender._next_encoded_frame

    async def encode_and_tell(codec: Any) -> Any:
        frame = await encode(codec)
        deliver = hook()
        if deliver is not None and frame is not None:
            content = b"".join(depayload(codec, payload) for payload in frame.payloads)
            keyframe = is_keyframe(codec.name, content)
            deliver(EncodedPacket(content, codec.name, codec.clockRate, frame.timestamp, keyframe))
        return frame

    sender._next_encoded_frame = encode_and_tell  # type: ignore[method-assign]


def request_own_keyframe(sender: RTCRtpSender) -> None:
    """Make the next picture that is sent a keyframe, as if the receiver had asked for it."""
    sender._send_keyframe()


def sending_codec(transceiver: RTCRtpTransceiver) -> str | None:
    """What is sent after negotiation: "VP8", "H264", "opus" or another; None before."""
    codecs = transceiver._codecs
    return codecs[0].name if codecs else None


class _Vp8ByRate(Vp8Encoder):
    """aiortc's encoder, whose bitrate is what ``bitrate`` says, beyond the constants of its module."""

    def __init__(self, bitrate: VideoBitrate) -> None:
        super().__init__()
        self.bitrate = bitrate
        self.estimated_bps: int | None = None

    def encode(self, frame: Any, force_keyframe: bool = False) -> tuple[list[bytes], int]:
        # The size of its rate control's buffer, a second, is read from this one and not from the property.
        setattr(self, _VP8_TARGET, self.target_bitrate)
        return super().encode(frame, force_keyframe)

    @property
    def target_bitrate(self) -> int:
        return self.bitrate.target_bps(self.estimated_bps, VP8_RANGE)

    @target_bitrate.setter
    def target_bitrate(self, bitrate: int) -> None:
        self.estimated_bps = bitrate  # REMB: what the receiver estimates


class _H264ByRate(H264Encoder):
    """The same for H.264."""

    def __init__(self, bitrate: VideoBitrate) -> None:
        super().__init__()
        self.bitrate = bitrate
        self.estimated_bps: int | None = None

    @property
    def target_bitrate(self) -> int:
        return self.bitrate.target_bps(self.estimated_bps, H264_RANGE)

    @target_bitrate.setter
    def target_bitrate(self, bitrate: int) -> None:
        self.estimated_bps = bitrate


def use_bitrate(sender: RTCRtpSender, codec: str | None, bitrate: VideoBitrate) -> bool:
    """Let one sender's encoder follow ``bitrate``. Call before it sends; False for a codec without bitrates."""
    kinds = {"VP8": _Vp8ByRate, "H264": _H264ByRate}
    if codec not in kinds:
        return False
    setattr(sender, _ENCODER, kinds[codec](bitrate))
    return True


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


def rtp_origin(receiver: RTCRtpReceiver) -> int | None:
    """The RTP timestamp (modulo 2**32) of the frame whose pts is 0; None before the first frame."""
    buffer = getattr(receiver, _JITTER_BUFFER)
    return buffer.rtp_origin if isinstance(buffer, _MarkerRelease | _SoundRelease) else None


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


def read_sctp_rtt_s(pc: RTCPeerConnection) -> float | None:
    """The data channel's smoothed round trip time in seconds (RFC 9260 section 6.3.1), once it is known."""
    return None if pc.sctp is None else pc.sctp._srtt


def read_sctp_progress(pc: RTCPeerConnection) -> Progress | None:
    """How far the other side has taken what was sent on data channels; None without any."""
    sctp = pc.sctp
    if sctp is None:
        return None
    return Progress(sctp._last_sacked_tsn, bool(sctp._sent_queue or sctp._outbound_queue))


def cut_messages(chunk_bytes: int) -> None:
    """Put at most so much user data into an SCTP chunk, in every connection of this process."""
    rtcsctptransport.USERDATA_MAX_LENGTH = chunk_bytes


@dataclass(frozen=True)
class PairTypes:
    """The candidate types (RFC 8445: host, srflx, prflx, relay) of the pair that carries the media."""

    local: str
    remote: str

    @property
    def route(self) -> Literal["direct", "turn"]:
        """``"turn"`` when either side relays."""
        return "turn" if "relay" in (self.local, self.remote) else "direct"


def selected_pair(pc: RTCPeerConnection) -> PairTypes | None:
    """The pair ICE selected, or None before it did."""
    for transport in _ice_transports(pc):
        pair = transport.iceGatherer._connection._nominated.get(1)
        if pair is not None:
            return PairTypes(pair.local_candidate.type, pair.remote_candidate.type)
    return None


@dataclass(frozen=True)
class TriedPair:
    """A pair of candidates as ICE checked it: their types, and ``succeeded``, ``failed``, ``waiting`` and so on (W3C).

    No address: a table of them is for people, and may be sent to somebody.
    """

    local: str
    remote: str
    state: str


def tried_pairs(pc: RTCPeerConnection) -> list[TriedPair]:
    """Every pair that ICE made so far, best first; also after the connection was closed."""
    found = [
        TriedPair(pair.local_candidate.type, pair.remote_candidate.type, _PAIR_STATES[pair.state.name])
        for transport in _ice_transports(pc)
        for pair in transport.iceGatherer._connection._check_list
    ]
    return list(dict.fromkeys(found))


_PAIR_STATES = {  # W3C webrtc-stats, RTCStatsIceCandidatePairState
    "FROZEN": "frozen",
    "WAITING": "waiting",
    "IN_PROGRESS": "in-progress",
    "SUCCEEDED": "succeeded",
    "FAILED": "failed",
}


def add_loopback_candidate(pc: RTCPeerConnection) -> None:
    """Let ``pc`` gather 127.0.0.1 too, so that two peers of one machine connect without any network.

    Call when the ICE transports exist and before gathering: for the offerer after its transceivers and
    data channels were added, for the answerer after ``setRemoteDescription``.
    """
    for transport in _ice_transports(pc):
        _wrap_gathering(transport, extra=["127.0.0.1"], timeout_s=None)


def cap_gathering(pc: RTCPeerConnection, timeout_s: float) -> None:
    """Do not wait longer than ``timeout_s`` for STUN and TURN servers (aioice: 5 s for a dead one)."""
    for transport in _ice_transports(pc):
        _wrap_gathering(transport, extra=[], timeout_s=timeout_s)


def _wrap_gathering(transport: RTCIceTransport, *, extra: list[str], timeout_s: float | None) -> None:
    connection = transport.iceGatherer._connection
    gather = connection.get_component_candidates

    async def gather_within(component: int, addresses: list[str], timeout: float = 5) -> list[Any]:
        more = [address for address in extra if address not in addresses]
        # aioice annotates whole seconds; asyncio.wait takes any.
        limit: Any = timeout if timeout_s is None else min(timeout, timeout_s)
        return await gather(component, addresses + more, limit)

    connection.get_component_candidates = gather_within  # type: ignore[method-assign]


def _ice_transports(pc: RTCPeerConnection) -> list[RTCIceTransport]:
    dtls = [transceiver.receiver.transport for transceiver in pc.getTransceivers()]
    if pc.sctp is not None:
        dtls.append(pc.sctp.transport)
    return list(dict.fromkeys(transport.transport for transport in dtls))
