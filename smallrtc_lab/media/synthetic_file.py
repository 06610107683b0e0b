"""A file in the place of a camera or a microphone: looped, at any rate, its pictures and its sound in step.

Both go around after the length of the whole file, so they stay in step where they come from one file. A picture or
a sample is asked for by its index, as of every synthetic source; asking in order is quick. Any thread may ask.
"""

from __future__ import annotations

import threading

import av
import numpy as np

from smallrtc_lab.errors import MediaFileError
from smallrtc_lab.frames import Samples

from .convert import Reformatter
from .filesource import CHANNELS, RATE_HZ, PictureReader, SoundReader, describe
from .resample import Int16, to_float

__all__ = ["FilePictures", "FileSound", "file_length_s"]

_MOST = (1920, 1080)
_MOST_RATE_HZ = 60.0


def file_length_s(path: str) -> float:
    """How long a file is, in seconds; one that does not say is read to its end. Raises :class:`MediaFileError`."""
    told_s = describe(path).duration_s
    if told_s:
        return told_s
    with av.open(path) as container:
        ends = [
            float((packet.pts + (packet.duration or 0)) * packet.time_base)
            for packet in container.demux()
            if packet.pts is not None and packet.time_base is not None
        ]
    if not ends or max(ends) <= 0:
        raise MediaFileError(f"{path} holds nothing that lasts")
    return max(ends)


class FilePictures:
    """Pictures of a file at ``frame_rate``, its own where none is given; ``size`` (width, height) likewise."""

    def __init__(
        self, path: str, size: tuple[int, int] | None = None, frame_rate: float | None = None
    ) -> None:
        facts = describe(path)
        if facts.size is None:
            raise MediaFileError(f"{path} holds no pictures; give it as audio")
        self.frame_rate = frame_rate or min(facts.frame_rate or 30.0, _MOST_RATE_HZ)
        self._size = size
        self._length_s = file_length_s(path)
        self._reader = PictureReader(path, size or _MOST)
        self._reformatter = Reformatter()
        self._lock = threading.Lock()
        self._lap, self._at_s = 0, 0.0
        self._closed = False
        self._shown: av.VideoFrame | None = None
        self._next = self._reader.next()

    def frame(self, index: int) -> av.VideoFrame:
        """Picture number ``index`` as yuv420p, private. Raises :class:`MediaFileError` where the file is broken."""
        with self._lock:
            if self._closed:
                raise MediaFileError("the file was closed")
            lap, at_s = divmod(index / self.frame_rate, self._length_s)
            if lap != self._lap or at_s < self._at_s:
                self._reader.seek(at_s)
                self._shown, self._next = None, self._reader.next()
            self._lap, self._at_s = int(lap), at_s
            while self._next is not None and (self._shown is None or self._next[0] <= at_s + 1e-6):
                self._shown, self._next = self._next[1], self._reader.next()
            if self._shown is None:
                raise MediaFileError("the file holds no picture that can be decoded")
            return self._fitted(self._shown)

    def close(self) -> None:
        """Let go of the file; no picture comes any more."""
        with self._lock:
            self._closed = True
            self._reader.close()

    def _fitted(self, frame: av.VideoFrame) -> av.VideoFrame:
        width, height = self._size or (frame.width, frame.height)
        if (frame.width, frame.height) == (width, height):
            planar = frame.to_ndarray()  # the same picture may be asked for again, and each is drawn upon
            return av.VideoFrame.from_ndarray(planar, format="yuv420p")
        return self._reformatter.reformat(frame, width, height, format="yuv420p", threads=1)


class FileSound:
    """Sound of a file, 48 kHz in two channels."""

    def __init__(self, path: str) -> None:
        if not describe(path).has_sound:
            raise MediaFileError(f"{path} holds no sound")
        self._length = max(1, round(file_length_s(path) * RATE_HZ))
        self._reader = SoundReader(path)
        self._lock = threading.Lock()
        self._at = 0  # what is read next, within the file
        self._closed = False
        self._held: tuple[int, Int16] | None = None

    def samples(self, start: int, n: int) -> Samples:
        """``n`` samples from position ``start`` on, (n, 2) float32 in [-1, 1]; silence where the file has none."""
        with self._lock:
            if self._closed:
                raise MediaFileError("the file was closed")
            out = np.zeros((n, CHANNELS), np.int16)
            filled = 0
            while filled < n:
                at = (start + filled) % self._length
                count = min(n - filled, self._length - at)
                self._read(at, out[filled : filled + count])
                filled += count
            return to_float(out)

    def close(self) -> None:
        """Let go of the file; no sound comes any more."""
        with self._lock:
            self._closed = True
            self._reader.close()

    def _read(self, at: int, out: Int16) -> None:
        if at != self._at:
            self._reader.seek(at / RATE_HZ)
            self._held = None
        self._at = end = at + len(out)
        while (piece := self._held or self._reader.next()) is not None:
            position, samples = piece
            first, last = max(position, at), min(position + len(samples), end)
            if first < last:
                out[first - at : last - at] = samples[first - position : last - position]
            self._held = piece if position + len(samples) > end else None
            if self._held is not None:
                return
