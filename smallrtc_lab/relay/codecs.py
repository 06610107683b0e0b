"""What comes out of relayed packets, and what goes into them where a page has no WebCodecs.

Raw VP8 frames and Opus packets need no container: WebCodecs on one side and PyAV on the other understand each other
as they are. Each object works on one thread at a time.
"""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
from av.error import FFmpegError
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

from smallrtc_lab.errors import ProtocolError
from smallrtc_lab.media.resample import Int16

from .packets import CLOCK_HZ, Codec, Media, Stream

__all__ = ["JpegEncoder", "PictureDecoder", "SoundDecoder", "pcm_bytes"]

_RATE_HZ = CLOCK_HZ[Stream.AUDIO]
_DECODERS = {Codec.VP8: "vp8", Codec.JPEG: "mjpeg"}
_MOST_PIXELS = 4096 * 2304  # beyond it nobody relays: a stranger's header does not decide over our memory
_MOST_SAMPLES = 5760  # 120 ms, the longest packet of Opus (RFC 6716, section 2.1.4)


class PictureDecoder:
    """VP8 or JPEG to yuv420p, BT.601, video range."""

    def __init__(self) -> None:
        self._codec: Codec | None = None
        self._context: av.VideoCodecContext | None = None
        self._reformatter = VideoReformatter()

    def decode(self, media: Media) -> av.VideoFrame | None:
        """The picture, without pts; None where one is not complete. Raises :class:`ProtocolError` for what is none."""
        try:
            frames = self._context_for(media.codec).decode(av.Packet(media.content))
        except FFmpegError as error:
            raise ProtocolError(f"a relayed picture cannot be decoded: {error}") from None
        if not frames:
            return None
        frame = frames[-1]
        if frame.width * frame.height > _MOST_PIXELS:
            raise ProtocolError(f"a relayed picture has {frame.width}×{frame.height} pixels")
        if frame.format.name == "yuv420p":
            return frame
        return self._reformatter.reformat(
            frame,
            format="yuv420p",
            dst_colorspace=Colorspace.ITU601,
            dst_color_range=ColorRange.MPEG,
            threads=1,
        )

    def _context_for(self, codec: Codec) -> av.VideoCodecContext:
        if self._context is None or codec is not self._codec:
            context: av.VideoCodecContext = av.CodecContext.create(_DECODERS[codec], "r")  # type: ignore[assignment]
            context.thread_count = 1  # more would hold pictures back
            self._codec, self._context = codec, context
        return self._context


class SoundDecoder:
    """Opus or PCM to 48 kHz stereo s16."""

    def __init__(self) -> None:
        self._context: av.AudioCodecContext | None = None

    def decode(self, media: Media) -> av.AudioFrame | None:
        """The samples, without pts. Raises :class:`ProtocolError` for what is no sound."""
        if media.codec is Codec.PCM:
            return _pcm_frame(media.content)
        try:
            frames = self._opus().decode(av.Packet(media.content))
        except FFmpegError as error:
            raise ProtocolError(f"a relayed packet of sound cannot be decoded: {error}") from None
        return frames[-1] if frames else None

    def _opus(self) -> av.AudioCodecContext:
        if self._context is None:
            self._context = av.CodecContext.create("libopus", "r")
            self._context.sample_rate, self._context.format, self._context.layout = _RATE_HZ, "s16", "stereo"
        return self._context


class JpegEncoder:
    """One yuv420p picture as a JPEG of its own, for pages that cannot decode video."""

    def __init__(self, quality: int = 6) -> None:
        self._quality = quality  # FFmpeg's qscale: 2 is best, 31 worst
        self._context: av.VideoCodecContext | None = None
        self._reformatter = VideoReformatter()

    def encode(self, frame: av.VideoFrame) -> bytes:
        """The bytes of a whole JPEG file."""
        context = self._context
        if context is None or (context.width, context.height) != (frame.width, frame.height):
            self._context = context = self._open(frame.width, frame.height)
        # JPEG is full range (JFIF 1.02, page 3)
        full = self._reformatter.reformat(
            frame,
            format="yuvj420p",
            src_color_range=ColorRange.MPEG,
            dst_color_range=ColorRange.JPEG,
            threads=1,
        )
        full.pts, full.time_base = None, Fraction(1, 25)
        return b"".join(bytes(packet) for packet in context.encode(full))

    def _open(self, width: int, height: int) -> av.VideoCodecContext:
        context: av.VideoCodecContext = av.CodecContext.create("mjpeg", "w")
        context.width, context.height, context.pix_fmt = width, height, "yuvj420p"
        context.time_base = Fraction(1, 25)
        context.thread_count = 1
        context.qmin = context.qmax = self._quality
        return context


def pcm_bytes(samples: Int16) -> bytes:
    """(n, 2) int16 as the content of a PCM packet."""
    return samples.astype("<i2", copy=False).tobytes()


def _pcm_frame(content: bytes) -> av.AudioFrame:
    count, rest = divmod(len(content), 4)
    if rest or not 0 < count <= _MOST_SAMPLES:
        raise ProtocolError(f"{len(content)} bytes are no packet of PCM")
    frame = av.AudioFrame(format="s16", layout="stereo", samples=count)
    frame.planes[0].update(np.frombuffer(content, "<i2").astype(np.int16, copy=False).tobytes())
    frame.sample_rate = _RATE_HZ
    return frame
