"""Files of pictures and sound, read from anywhere: what any format of PyAV's holds, on one time axis.

Time 0 is where the file begins, the same for its pictures and its sound. Each reader opens the file for itself, so
that a file whose pictures and sound lie far apart is read in order, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal

import av
import numpy as np

from smallrtc_lab.errors import MediaFileError
from smallrtc_lab.processors.quota import codec_threads

from .fit import Fitter
from .resample import Int16, Resampler, to_float, to_int16

__all__ = ["FileFacts", "PictureReader", "SoundReader", "describe"]

RATE_HZ = 48_000
CHANNELS = 2
OPEN_S, READ_S = 10.0, 10.0  # of a file on a network
MOST_BROKEN = 100  # packets in a row that cannot be decoded, before the file is called broken
_UNITS = 1_000_000  # of a container's own times: AV_TIME_BASE


@dataclass(frozen=True)
class FileFacts:
    """What a file says of itself: ``duration_s`` None where it does not know, ``size`` (width, height)."""

    duration_s: float | None
    size: tuple[int, int] | None
    frame_rate: float | None
    has_sound: bool


def describe(path: str) -> FileFacts:
    """Raises :class:`MediaFileError` for a file that cannot be read, or holds neither pictures nor sound."""
    with _opened(path) as container:
        video = _stream(container, "video")
        audio = _stream(container, "audio")
        if video is None and audio is None:
            raise MediaFileError(f"{path} holds neither pictures nor sound that can be decoded")
        duration = container.duration
        return FileFacts(
            duration_s=None if not duration or duration < 0 else duration / _UNITS,
            size=None if video is None else (video.codec_context.width, video.codec_context.height),
            frame_rate=None if video is None or not video.average_rate else float(video.average_rate),
            has_sound=audio is not None,
        )


class _Reader:
    """The frames of one stream of a file."""

    kind: Literal["video", "audio"] = "video"

    def __init__(self, path: str) -> None:
        self.broken = 0
        self._path = path
        self._open()

    def __enter__(self) -> _Reader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._container.close()

    def _open(self) -> None:
        self._container = _opened(self._path)
        self._stream: Any = _stream(self._container, self.kind)
        if self._stream is None:
            self._container.close()
            raise MediaFileError(f"{self._path} holds no {self.kind}")
        self._stream.thread_type = "AUTO"
        self._stream.codec_context.thread_count = codec_threads()
        self._start_s = max(0, self._container.start_time or 0) / _UNITS
        self._frames = self._decoded()

    def _go_to(self, time_s: float) -> None:
        """To a keyframe at or before ``time_s``; to the beginning where the file cannot do that."""
        try:
            self._container.seek(round((max(0.0, time_s) + self._start_s) * _UNITS), backward=True)
            self._frames = self._decoded()
        except av.FFmpegError:
            self._container.close()
            self._open()

    def _decoded(self) -> Iterator[Any]:
        in_a_row = 0
        for packet in self._container.demux(self._stream):
            try:
                frames = packet.decode()
            except av.FFmpegError as error:
                self.broken += 1
                in_a_row += 1
                if in_a_row > MOST_BROKEN:
                    raise MediaFileError(f"{self._path} is broken: {error.strerror}") from None
                continue
            in_a_row = 0
            yield from frames

    def _next_frame(self) -> Any:
        try:
            return next(self._frames, None)
        except av.FFmpegError as error:
            raise MediaFileError(f"{self._path} could not be read any further: {error.strerror}") from None


class PictureReader(_Reader):
    """Pictures of a file, one after the other; for one thread at a time."""

    def __init__(self, path: str, most: tuple[int, int] = (1920, 1080)) -> None:
        super().__init__(path)
        self._fitter = Fitter(most)
        rate = self._stream.average_rate or self._stream.guessed_rate
        self.interval_s = 1.0 / float(rate) if rate else 1 / 25
        self._last_s = -self.interval_s
        self._held: tuple[float, av.VideoFrame] | None = None

    def next(self) -> tuple[float, av.VideoFrame] | None:
        """The next picture as yuv420p and its time in seconds, which never runs backwards; None at the end."""
        found, self._held = self._held or self._undistorted(), None
        return None if found is None else (found[0], self._fitter.fit(found[1]))

    def seek(self, time_s: float) -> None:
        """Go on with the picture that is seen at ``time_s``."""
        self._go_to(time_s)
        self._last_s = -self.interval_s
        seen = None
        while (found := self._undistorted()) is not None and found[0] <= time_s + 1e-6:
            seen = found
        self._held = seen or found
        if seen is not None and found is not None:
            self._frames = _again(found[1], self._frames)

    def _undistorted(self) -> tuple[float, av.VideoFrame] | None:
        frame = self._next_frame()
        if frame is None:
            return None
        time_s = frame.time - self._start_s if frame.time is not None else self._last_s + self.interval_s
        self._last_s = max(time_s, self._last_s)
        return max(0.0, self._last_s), frame


class SoundReader(_Reader):
    """Sound of a file at 48 kHz in two channels; for one thread at a time."""

    kind = "audio"

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self._resampler: Resampler | None = None
        self._position: int | None = None  # of the resampler's next sample
        self._from = 0

    def next(self) -> tuple[int, Int16] | None:
        """The next samples, (n, 2) int16, and the position of the first, in 1/48000 s; None at the end."""
        while (frame := self._next_frame()) is not None:
            placed = self._placed(frame)
            if placed is not None:
                return placed
        return self._flushed()

    def seek(self, time_s: float) -> None:
        """Go on with the sample that is heard at ``time_s``."""
        self._go_to(time_s)
        self._resampler = self._position = None
        self._from = round(time_s * RATE_HZ)

    def _placed(self, frame: av.AudioFrame) -> tuple[int, Int16] | None:
        samples = _as_float(frame)
        resampler = self._resampler
        if resampler is None or (resampler.in_rate, resampler.in_channels) != (
            frame.sample_rate,
            samples.shape[1],
        ):
            self._resampler = resampler = Resampler(frame.sample_rate, RATE_HZ, samples.shape[1], CHANNELS)
            self._position = None
        if self._position is None:
            begin_s = max(0.0, (frame.time or 0.0) - self._start_s)
            self._position = round(begin_s * RATE_HZ)
        return self._cut(to_int16(resampler.push(samples)))

    def _flushed(self) -> tuple[int, Int16] | None:
        if self._resampler is None:
            return None
        rest = to_int16(self._resampler.flush())
        self._resampler = None
        return self._cut(rest)

    def _cut(self, samples: Int16) -> tuple[int, Int16] | None:
        """Without what lies before the place that was asked for."""
        assert self._position is not None
        begin, self._position = self._position, self._position + len(samples)
        early = max(0, self._from - begin)
        return (begin + early, samples[early:]) if len(samples) > early else None


def _opened(path: str) -> Any:
    try:
        return av.open(path, timeout=(OPEN_S, READ_S))
    except av.FFmpegError as error:
        reason = "there is no such file" if isinstance(error, FileNotFoundError) else error.strerror
        raise MediaFileError(f"{path} cannot be opened as pictures or sound: {reason}") from None


def _stream(container: Any, kind: str) -> Any:
    """The best stream of a kind, or None; the picture on the cover of a song is none."""
    stream = container.streams.best(kind)
    if stream is None or (kind == "video" and "attached_pic" in str(getattr(stream, "disposition", ""))):
        return None
    return stream


def _as_float(frame: av.AudioFrame) -> Any:
    """(n, 1 or 2) float32 of a decoded frame; more channels become two."""
    if frame.layout.nb_channels > CHANNELS or frame.format.name not in ("s16", "s16p", "flt", "fltp"):
        layout = "mono" if frame.layout.nb_channels == 1 else "stereo"
        frame = av.AudioResampler(format="flt", layout=layout, rate=frame.sample_rate).resample(frame)[0]
    channels = frame.layout.nb_channels
    array = frame.to_ndarray()
    return to_float(np.ascontiguousarray(array.T if frame.format.is_planar else array.reshape(-1, channels)))


def _again(frame: Any, frames: Iterator[Any]) -> Iterator[Any]:
    yield frame
    yield from frames
