"""What is private of aiortc's receivers on the way to the decoder: when a frame is released, and what waits."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, TypeAlias

from aiortc import RTCRtpReceiver
from aiortc.rtp import RtcpByePacket

from smallrtc_lab.media.encoded import EncodedPacket
from smallrtc_lab.rtc.decoder_queue import DecoderQueue
from smallrtc_lab.rtc.jitter import EncodedFrame, FrameAssembler, TimestampUnwrapper
from smallrtc_lab.rtc.keyframes import PictureChain, is_keyframe
from smallrtc_lab.rtc.playout import AudioJitterBuffer, AudioPacket

__all__ = [
    "VIDEO_QUEUE_FRAMES",
    "EncodedHook",
    "bound_decoder",
    "end_decoder",
    "queue_dropped",
    "release_at_marker",
    "release_in_order",
    "request_keyframe",
    "rtp_origin",
]

EncodedHook: TypeAlias = Callable[[EncodedPacket], None]

VIDEO_QUEUE_FRAMES = 60  # what comes at once behind a packet that was lost; the rest is a matter of their age
AUDIO_QUEUE_FRAMES = 250  # five seconds of 20 ms packets: what came while this process stood still
KEYFRAME_INTERVAL_S = 0.5  # requests closer together than a keyframe needs to arrive only cost bitrate
_JITTER_BUFFER = "_RTCRtpReceiver__jitter_buffer"
_DECODER_QUEUE = "_RTCRtpReceiver__decoder_queue"
_DECODER_THREAD = "_RTCRtpReceiver__decoder_thread"
_CODECS = "_RTCRtpReceiver__codecs"


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
        self._chain = PictureChain()

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
            self._decode(frame, self._codecs[packet.payload_type], now_s)
        wanted = release.needs_keyframe or self._chain.broken or self._queue.wants_keyframe
        return wanted and self.may_ask(now_s), None

    def may_ask(self, now_s: float) -> bool:
        """Whether the last request for a keyframe is long enough ago; counts as a request if so."""
        if now_s - self._asked_s < KEYFRAME_INTERVAL_S:
            return False
        self._asked_s = now_s
        return True

    def _decode(self, frame: EncodedFrame, codec: Any, now_s: float) -> None:
        frame.timestamp = self._timestamps.unwrap(frame.timestamp)
        keyframe = is_keyframe(codec.name, frame.data)
        if not self._chain.passes(keyframe=keyframe, after_gap=frame.after_gap, now_s=now_s):
            return
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


def rtp_origin(receiver: RTCRtpReceiver) -> int | None:
    """The RTP timestamp (modulo 2**32) of the frame whose pts is 0; None before the first frame."""
    buffer = getattr(receiver, _JITTER_BUFFER)
    return buffer.rtp_origin if isinstance(buffer, _MarkerRelease | _SoundRelease) else None
