"""What is private of aiortc's senders: keyframes, encoded frames, the bitrate of their encoders."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiortc import RTCRtpSender, RTCRtpTransceiver
from aiortc.codecs import depayload
from aiortc.codecs.h264 import H264Encoder
from aiortc.codecs.vpx import Vp8Encoder

from smallrtc_lab.media.encoded import EncodedPacket
from smallrtc_lab.processors.quota import codec_threads
from smallrtc_lab.rtc.bitrate import H264_RANGE, VP8_RANGE, VideoBitrate
from smallrtc_lab.rtc.keyframes import is_keyframe

from .releasing import EncodedHook

__all__ = [
    "request_own_keyframe",
    "sending_codec",
    "tap_sender",
    "use_bitrate",
    "watch_keyframe_requests",
]

_ENCODER = "_RTCRtpSender__encoder"
_VP8_TARGET = "_Vp8Encoder__target_bitrate"


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
    """The same for H.264, and with no more threads than there are processors to use."""

    def __init__(self, bitrate: VideoBitrate) -> None:
        super().__init__()
        self.bitrate = bitrate
        self.estimated_bps: int | None = None

    def __setattr__(self, name: str, value: Any) -> None:
        if (
            name == "codec" and value is not None
        ):  # it has just been made, and is opened with the first picture
            value.thread_count = codec_threads()
        super().__setattr__(name, value)

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
