"""Replayed pictures and sound where a browser's tracks would be: whoever reads a session's streams sees them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Executor
from fractions import Fraction
from typing import Literal

import av
import numpy as np
import numpy.typing as npt
from aiortc.mediastreams import MediaStreamError

from smallrtc_lab.engine.inbound import AUDIO_RATE
from smallrtc_lab.errors import ClosedError
from smallrtc_lab.media.clock import SenderReport
from smallrtc_lab.media.encoded import EncodedPacket
from smallrtc_lab.media.streams import BoundedQueue
from smallrtc_lab.processors.quota import codec_threads
from smallrtc_lab.rtc.sections import Section

__all__ = ["ReplayTrack"]

_PICTURES = 8
_SOUND = 250  # five seconds of 20 ms
_CLOCK_HZ = 90000
_BITRATE_BPS = 2_500_000
_OPTIONS = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0", "error-resilient": "1"}


class ReplayTrack:
    """One source; the members of :class:`SourceTrack`. Pictures are encoded only for who keeps them encoded."""

    def __init__(self, section: Section, executor: Executor) -> None:
        self.section = section
        self.kind: Literal["audio", "video"] = "audio" if section is Section.AUDIO else "video"
        self.on_encoded: Callable[[EncodedPacket], None] | None = None
        self._frames: BoundedQueue[tuple[av.VideoFrame | av.AudioFrame, float]] = BoundedQueue(
            _SOUND if self.kind == "audio" else _PICTURES
        )
        self.followed = asyncio.Event()  # somebody reads
        self._executor = executor
        self._turn = asyncio.Lock()
        self._encoder = _Encoder()
        self._position = 0

    @property
    def dropped(self) -> int:
        """Frames that nobody took in time."""
        return self._frames.dropped

    async def recv_timed(self) -> tuple[av.VideoFrame | av.AudioFrame, float]:
        """The next frame and when it came, in seconds of ``time.monotonic``."""
        self.followed.set()
        try:
            return await self._frames.get()
        except ClosedError:
            raise MediaStreamError("the replay has ended") from None

    def take_report(self) -> SenderReport | None:
        """None: a replay has no clock but this machine's."""
        return None

    async def request_keyframe(self) -> bool:
        """The next picture is encoded by itself."""
        self._encoder.keyframe = True
        return self.kind == "video"

    async def picture(self, frame: av.VideoFrame, at_s: float) -> None:
        """A picture at ``at_s`` seconds since the replay began."""
        frame.pts, frame.time_base = round(at_s * _CLOCK_HZ), Fraction(1, _CLOCK_HZ)
        async with self._turn:
            if self.on_encoded is not None:
                loop = asyncio.get_running_loop()
                for packet in await loop.run_in_executor(self._executor, self._encoder.encode, frame):
                    self.on_encoded(packet)
            self._frames.put((frame, time.monotonic()))

    def sound(self, samples: npt.NDArray[np.int16], position: int) -> None:
        """(n, 2) samples at 48 kHz, so many after the replay's first."""
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples).reshape(1, -1), "s16", "stereo")
        frame.sample_rate, frame.pts, frame.time_base = AUDIO_RATE, position, Fraction(1, AUDIO_RATE)
        self._frames.put((frame, time.monotonic()))

    def stop(self) -> None:
        """Nothing more comes."""
        self._frames.close()


class _Encoder:
    """VP8 in real time, anew for each size; one thread at a time."""

    def __init__(self) -> None:
        self.keyframe = False
        self._context: av.VideoCodecContext | None = None

    def encode(self, frame: av.VideoFrame) -> list[EncodedPacket]:
        context, size = self._context, (frame.width, frame.height)
        if context is None or (context.width, context.height) != size:
            context = self._context = _encoder(*size)
        wanted, self.keyframe = self.keyframe, False
        coded = frame.reformat(format="yuv420p")
        coded.pts, coded.time_base = frame.pts, frame.time_base
        coded.pict_type = av.video.frame.PictureType.I if wanted else av.video.frame.PictureType.NONE
        return [
            EncodedPacket(bytes(packet), "VP8", _CLOCK_HZ, packet.pts or 0, packet.is_keyframe)
            for packet in context.encode(coded)
        ]


def _encoder(width: int, height: int) -> av.VideoCodecContext:
    context = av.CodecContext.create("libvpx", "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height, context.pix_fmt = width, height, "yuv420p"
    context.time_base, context.bit_rate, context.gop_size = Fraction(1, _CLOCK_HZ), _BITRATE_BPS, 3000
    context.options = _OPTIONS
    context.thread_count = codec_threads(2)
    return context
