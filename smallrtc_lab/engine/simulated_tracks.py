"""What a simulated browser sends: pictures and sound at fixed times, as a camera and a microphone give them."""

from __future__ import annotations

import asyncio
import logging
import time
from fractions import Fraction
from typing import Any, Protocol, TypeAlias

import av
import numpy as np
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

from smallrtc_lab.errors import MediaFileError
from smallrtc_lab.frames import Samples
from smallrtc_lab.media.convert import Reformatter, from_picture
from smallrtc_lab.media.pace import FramePace
from smallrtc_lab.media.resample import to_int16
from smallrtc_lab.media.synthetic import VideoSource, audio_source, video_source
from smallrtc_lab.media.synthetic_file import FilePictures, FileSound
from smallrtc_lab.media.timecode import TIMECODE_HEIGHT, TIMECODE_WRAP_MS, decode_timecode, encode_timecode

__all__ = ["SimulatedAudioTrack", "SimulatedTracks", "SimulatedVideoTrack", "shown_code", "simulated_tracks"]

logger = logging.getLogger(__name__)

Message = dict[str, Any]
_AUDIO_RATE = 48000
_AUDIO_BLOCK = 960
_AUDIO_PATIENCE_S = 0.8
_CODES = 600  # that are remembered: what comes back later than after 20 s is not believed
_INLINE_PIXELS = (
    640 * 480
)  # larger pictures are drawn in a thread: they would keep the media loop for too long


class _Paced:
    """Wakes at fixed times; after a stall longer than ``patience_s`` it skips what is past instead of hurrying."""

    def __init__(self, interval_s: float, patience_s: float = 0.0) -> None:
        self._interval_s = interval_s
        self._patience_s = patience_s
        self._start_s: float | None = None
        self._index = -1
        self.sent = 0
        self.skipped = 0

    async def next_index(self) -> int:
        """Wait for the next time; returns its index since the start."""
        now_s = time.monotonic()
        if self._start_s is None:
            self._start_s = now_s
        due = int((now_s - self._start_s) / self._interval_s)
        self._index += 1
        if (due - self._index) * self._interval_s > self._patience_s:
            self.skipped += due - self._index
            self._index = due
        delay_s = self._start_s + self._index * self._interval_s - now_s
        if delay_s > 0:
            await asyncio.sleep(delay_s)
        self.sent += 1
        return self._index


class _Pictures(Protocol):
    """What is seen by a simulated camera."""

    frame_rate: float

    def frame(self, index: int) -> av.VideoFrame:
        """Picture number ``index`` as yuv420p."""

    def close(self) -> None:
        """It is needed no longer."""


class _Drawn:
    """A synthetic source as frames."""

    def __init__(self, source: VideoSource) -> None:
        self.frame_rate = source.frame_rate
        self._source = source
        self._reformatter = Reformatter()

    def frame(self, index: int) -> av.VideoFrame:
        return from_picture(self._source.picture(index), "rgb", reformatter=self._reformatter)

    def close(self) -> None:
        pass


class _Sound(Protocol):
    def samples(self, start: int, n: int) -> Samples:
        """(n, 2) float32."""


class SimulatedVideoTrack(MediaStreamTrack):
    """The camera. While ``stamping``, each picture shows a time code of the moment it is taken."""

    kind = "video"

    def __init__(self, pictures: _Pictures, *, in_thread: bool) -> None:
        super().__init__()
        self.pace = _Paced(1.0 / pictures.frame_rate)
        self.stamping = False
        self.taken_s: dict[int, float] = {}  # code → time.monotonic() of the picture that shows it
        self._scale = 1.0
        self._due: FramePace | None = None
        self._reformatter = Reformatter()
        self._pictures = pictures
        self._ticks = 90000 / pictures.frame_rate
        self._in_thread = in_thread

    def ask(self, scale: float, max_frame_rate: float | None) -> None:
        """As a browser is asked: a smaller picture, and no more than so many a second."""
        self._scale = scale
        self._due = None if max_frame_rate is None else FramePace(1, max_frame_rate)

    async def recv(self) -> av.VideoFrame:
        index = await self.pace.next_index()
        while self._due is not None and not self._due.due(index / self._pictures.frame_rate):
            index = await self.pace.next_index()
        taken_s = time.monotonic()
        try:
            frame = await self._frame(index)
        except MediaFileError as error:
            logger.warning("the simulated camera ends: %s", error)
            raise MediaStreamError("the file ended") from None
        if self.stamping:
            self._stamp(frame, taken_s)
        frame.pts = round(index * self._ticks)
        frame.time_base = Fraction(1, 90000)
        return frame

    def stop(self) -> None:
        super().stop()
        self._pictures.close()

    async def _frame(self, index: int) -> av.VideoFrame:
        return await asyncio.to_thread(self._drawn, index) if self._in_thread else self._drawn(index)

    def _drawn(self, index: int) -> av.VideoFrame:
        frame = self._pictures.frame(index)
        if self._scale == 1.0:
            return frame
        width, height = (max(2, round(side * self._scale / 2) * 2) for side in (frame.width, frame.height))
        return self._reformatter.reformat(frame, width, height, threads=1)

    def _stamp(self, frame: av.VideoFrame, taken_s: float) -> None:
        code = int(taken_s * 1000) % TIMECODE_WRAP_MS
        luma = _plane(frame, 0)[:, : frame.width]
        encode_timecode(luma, code)
        top = luma[: round(frame.height * TIMECODE_HEIGHT)]
        np.clip(top, 16, 235, out=top)
        for chroma in (1, 2):
            _plane(frame, chroma)[: -(-len(top) // 2)] = 128
        self.taken_s[code] = taken_s
        while len(self.taken_s) > _CODES:
            del self.taken_s[next(iter(self.taken_s))]


class SimulatedAudioTrack(MediaStreamTrack):
    """The microphone."""

    kind = "audio"

    def __init__(self, source: _Sound) -> None:
        super().__init__()
        self._source = source
        # As a browser does: sound that is a little late is sent all the same, for a missing piece is heard.
        self.pace = _Paced(_AUDIO_BLOCK / _AUDIO_RATE, _AUDIO_PATIENCE_S)

    async def recv(self) -> av.AudioFrame:
        index = await self.pace.next_index()
        try:
            samples = to_int16(await self._samples(index * _AUDIO_BLOCK))
        except MediaFileError as error:
            logger.warning("the simulated microphone ends: %s", error)
            raise MediaStreamError("the file ended") from None
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples.reshape(1, -1)), "s16", "stereo")
        frame.sample_rate = _AUDIO_RATE
        frame.pts = index * _AUDIO_BLOCK
        frame.time_base = Fraction(1, _AUDIO_RATE)
        return frame

    def stop(self) -> None:
        super().stop()
        if isinstance(self._source, FileSound):
            self._source.close()

    async def _samples(self, start: int) -> Samples:
        if isinstance(self._source, FileSound):
            return await asyncio.to_thread(self._source.samples, start, _AUDIO_BLOCK)
        return self._source.samples(start, _AUDIO_BLOCK)


SimulatedTracks: TypeAlias = tuple[SimulatedAudioTrack | None, SimulatedVideoTrack | None]


def shown_code(frame: av.VideoFrame) -> int | None:
    """The time code that a yuv420p frame shows, or None."""
    return decode_timecode(_plane(frame, 0)[:, : frame.width])


def simulated_tracks(video: Message | None, audio: Message | None) -> SimulatedTracks:
    """Tracks for a source's name, or its file, and options each; None without.

    Raises ``ValueError`` for a source that does not exist, :class:`MediaFileError` for a file that cannot be read.
    """
    camera = None if video is None else _camera(video)
    return None if audio is None else _microphone(audio), camera


def _camera(options: Message) -> SimulatedVideoTrack:
    width, height, rate = (options.get(name) for name in ("width", "height", "frame_rate"))
    if "file" in options:
        size = (int(width), int(height)) if width and height else None
        return SimulatedVideoTrack(FilePictures(options["file"], size, rate), in_thread=True)
    source = video_source(
        options["name"], int(width or 640), int(height or 480), float(rate or 30), int(options.get("seed", 0))
    )
    return SimulatedVideoTrack(_Drawn(source), in_thread=source.width * source.height > _INLINE_PIXELS)


def _microphone(options: Message) -> SimulatedAudioTrack:
    if "file" in options:
        return SimulatedAudioTrack(FileSound(options["file"]))
    rest = {k: v for k, v in options.items() if k not in ("name", "seed")}
    # Two channels: aiortc's Opus encoder would turn one into two with 3 dB less in each.
    source = audio_source(options["name"], _AUDIO_RATE, 2, int(options.get("seed", 0)), **rest)
    return SimulatedAudioTrack(source)


def _plane(frame: av.VideoFrame, number: int) -> Any:
    """(lines, bytes a line) uint8, writable: the padding at the end of its lines is in it."""
    plane = frame.planes[number]
    return np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
