"""Encoders of one stream for many connections: pictures by VP8 or H.264, sound by Opus, or left as they are.

The packets are those aiortc's senders take from a track and only cut to size: VP8 without its RTP descriptor, H.264 as
Annex B. An encoder works on one thread at a time.
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple, Protocol

import av
import numpy as np
import numpy.typing as npt
from av.video.frame import PictureType

from smallrtc_lab.media.resample import Int16
from smallrtc_lab.processors.quota import codec_threads

from .outgoing import AUDIO_RATE_HZ, AUDIO_TIME_BASE, SAMPLES, VIDEO_TIME_BASE

__all__ = [
    "Encoded",
    "OpusEncoder",
    "PictureEncoder",
    "RawPictures",
    "RawSound",
    "VideoEncoder",
    "make_picture_encoder",
]

SOUND_BITRATE_BPS = 96_000  # as aiortc's own encoder
LONGEST_GROUP = 3000  # pictures from keyframe to keyframe, if nobody asks for one
MAX_THREADS_PIXELS = 640 * 480  # a second thread gains nothing below that

_LIBRARIES = {"VP8": "libvpx", "H264": "libx264"}


class Encoded(NamedTuple):
    """A piece for every connection: a packet, or the samples (960, 2) or yuv420p planes (1.5 H, W) themselves.

    ``pts`` is in 1/90000 s, or 1/48000 s for sound. Without the ones before it only a ``keyframe`` can be decoded.
    """

    content: bytes | npt.NDArray[np.uint8] | Int16
    pts: int
    keyframe: bool


class PictureEncoder(Protocol):
    """What makes pieces of pictures."""

    def encode(self, frame: av.VideoFrame, *, keyframe: bool) -> Encoded | None:
        """One yuv420p picture with its pts in 1/90000 s, which grows from call to call; None: it was left out.

        The first picture, and the first of another size, is a keyframe. The frame belongs to the encoder afterwards.
        """


class VideoEncoder:
    """VP8 or H.264 at a constant bitrate and without delay."""

    def __init__(self, codec: str, bitrate_bps: int) -> None:
        self._library = _LIBRARIES[codec]
        self._bitrate_bps = bitrate_bps
        self._context: av.VideoCodecContext | None = None

    def encode(self, frame: av.VideoFrame, *, keyframe: bool) -> Encoded | None:
        """See :class:`PictureEncoder`."""
        context = self._context
        if context is None or (context.width, context.height) != (frame.width, frame.height):
            self._context = context = self._open(frame.width, frame.height)
            keyframe = True
        frame.time_base = VIDEO_TIME_BASE
        frame.pict_type = PictureType.I if keyframe else PictureType.NONE
        pts = frame.pts
        packets = context.encode(frame)
        if not packets or pts is None:
            return None
        return Encoded(b"".join(map(bytes, packets)), pts, any(packet.is_keyframe for packet in packets))

    def _open(self, width: int, height: int) -> av.VideoCodecContext:
        context: av.VideoCodecContext = av.CodecContext.create(self._library, "w")  # type: ignore[assignment]
        context.width, context.height, context.pix_fmt = width, height, "yuv420p"
        context.time_base = VIDEO_TIME_BASE
        context.framerate = Fraction(30)
        context.gop_size = LONGEST_GROUP
        context.bit_rate = self._bitrate_bps
        context.thread_count = codec_threads(1 if width * height <= MAX_THREADS_PIXELS else 2)
        context.options = self._options()
        return context

    def _options(self) -> dict[str, str]:
        rate = str(self._bitrate_bps)
        # Both limits at the rate itself make it constant; half a second of it is the encoder's whole buffer.
        common = {"maxrate": rate, "bufsize": str(self._bitrate_bps // 2)}
        if self._library == "libx264":
            return common | {
                "preset": "ultrafast",
                "tune": "zerolatency",
                "profile": "baseline",
                "forced-idr": "1",
            }
        return common | {"minrate": rate, "deadline": "realtime", "cpu-used": "-8", "lag-in-frames": "0"}


class RawPictures:
    """Pictures for whoever encodes them later."""

    def encode(self, frame: av.VideoFrame, *, keyframe: bool) -> Encoded | None:
        """See :class:`PictureEncoder`; each one is a keyframe."""
        return (
            None
            if frame.pts is None
            else Encoded(frame.to_ndarray().astype(np.uint8, copy=False), frame.pts, True)
        )


def make_picture_encoder(codec: str | None, bitrate_bps: int) -> PictureEncoder:
    """For ``"VP8"`` or ``"H264"``; None leaves pictures as they are. Raises ``ValueError`` for another codec."""
    if codec is None:
        return RawPictures()
    if codec not in _LIBRARIES:
        raise ValueError(f"pictures are encoded as {' or '.join(_LIBRARIES)}, not {codec}")
    return VideoEncoder(codec, bitrate_bps)


class OpusEncoder:
    """20 ms of stereo in, one packet out."""

    def __init__(self, bitrate_bps: int = SOUND_BITRATE_BPS) -> None:
        context: av.AudioCodecContext = av.CodecContext.create("libopus", "w")
        context.bit_rate = bitrate_bps
        context.format = "s16"
        context.layout = "stereo"
        context.sample_rate = AUDIO_RATE_HZ
        context.time_base = AUDIO_TIME_BASE
        self._context = context
        self._samples = 0

    def encode(self, samples: Int16, pts: int) -> Encoded | None:
        """(960, 2) int16 at 48 kHz."""
        frame = av.AudioFrame(format="s16", layout="stereo", samples=SAMPLES)
        frame.planes[0].update(np.ascontiguousarray(samples).tobytes())
        # The encoder counts for itself: where the sound pauses, only the packet's own pts jumps.
        frame.sample_rate, frame.pts, frame.time_base = AUDIO_RATE_HZ, self._samples, AUDIO_TIME_BASE
        self._samples += SAMPLES
        packets = self._context.encode(frame)
        return Encoded(b"".join(map(bytes, packets)), pts, True) if packets else None


class RawSound:
    """Sound for whoever encodes it later."""

    def encode(self, samples: Int16, pts: int) -> Encoded | None:
        """The same (960, 2)."""
        return Encoded(samples, pts, True)
