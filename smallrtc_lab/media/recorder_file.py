"""One file of a recording, playable at every moment while it is written.

WebM and Matroska are written in clusters of a second, MP4 in fragments that become an ordinary file at the end,
Ogg in pages of half a second, and the header of a WAV file is mended every second. Belongs to one thread.
"""

from __future__ import annotations

import io
import wave
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import av
import numpy as np

from .encoded import TimedPacket
from .recorder_codecs import decoder_of
from .recorder_formats import FileFormat, TrackName
from .recorder_timeline import SOUND_HZ
from .recorder_tracks import WrittenTrack, open_track
from .resample import from_av

__all__ = ["RecordedFile", "open_file"]

_CHANNELS = 2
_WAV_BYTES = 2**32 - 2**20  # its header counts bytes in 32 bits: six hours
_WAV_EVERY = SOUND_HZ  # samples, until its header is mended
_WAV_HOLE = SOUND_HZ // 20  # samples that may be missing by the clock although the source counts on
_LOOK_AHEAD = 312  # samples: see SoundTimeline


class RecordedFile(Protocol):
    """A file that is being written; ``end_s`` is where it ends, in seconds of the session."""

    path: Path
    transcoded: list[str]
    end_s: float

    @property
    def left_out(self) -> int:
        """Pictures that were not encoded again, for time did not suffice."""

    def fits(self, name: TrackName, packet: TimedPacket) -> bool:
        """Whether this file can hold the packet."""

    def write(self, name: TrackName, packet: TimedPacket, *, hurry: bool = False) -> None:
        """Write it; raises ``OSError`` when the disk is full, or gone."""

    def close(self) -> None:
        """Finish the file; what is in it stays playable also when that raises."""


def open_file(
    path: Path, file: FileFormat, first: Mapping[TrackName, TimedPacket], origin_s: float
) -> RecordedFile:
    """Begin ``path`` with tracks that begin with these packets; 0 in it is ``origin_s`` of the session."""
    if file.muxer == "wav":
        name, packet = next(iter(first.items()))
        return _WavFile(path, name, packet, origin_s)
    return _MuxedFile(path, file, first, origin_s)


class _Disk(io.FileIO):
    """A file that writes all or raises, and lets other threads run meanwhile, which FFmpeg's own does not."""

    def write(self, content: Any) -> int:
        rest = memoryview(content)
        while rest:
            rest = rest[super().write(rest) :]
        return len(content)


class _MuxedFile:
    """A container of FFmpeg's."""

    def __init__(
        self, path: Path, file: FileFormat, first: Mapping[TrackName, TimedPacket], origin_s: float
    ) -> None:
        self.path = path
        self.end_s = origin_s
        self._disk = _Disk(path, "wb")
        self._container: Any = av.open(self._disk, "w", format=file.muxer, container_options=file.options)
        self._container.metadata["title"] = path.stem
        self._tracks: dict[TrackName, WrittenTrack] = {}
        for name in sorted(first, key=lambda one: (one.kind == "audio", one.title)):  # pictures first
            self._tracks[name] = open_track(self._container, file, name, first[name], origin_s)
        self.transcoded = [name.title for name, track in self._tracks.items() if track.transcodes]

    @property
    def left_out(self) -> int:
        return sum(track.left_out for track in self._tracks.values())

    def fits(self, name: TrackName, packet: TimedPacket) -> bool:
        return name in self._tracks and self._tracks[name].fits(packet)

    def write(self, name: TrackName, packet: TimedPacket, *, hurry: bool = False) -> None:
        for muxed in self._tracks[name].packets(packet, hurry=hurry):
            self._container.mux_one(muxed)
        self.end_s = max(self.end_s, packet.time_s)

    def close(self) -> None:
        try:
            for track in self._tracks.values():
                self._container.mux(list(track.rest()))
        finally:
            try:
                self._container.close()
            finally:
                self._disk.close()
                for track in self._tracks.values():
                    track.close()


class _WavFile:
    """Samples: 48 kHz, stereo, 16 bits; silence where none came."""

    left_out = 0

    def __init__(self, path: Path, name: TrackName, first: TimedPacket, origin_s: float) -> None:
        self.path = path
        self.end_s = origin_s
        self.transcoded = [name.title]
        self._name = name
        self._origin_s = origin_s
        self._codec = first.packet.codec
        self._decoder = decoder_of(self._codec)
        self._resampler = av.AudioResampler(format="s16", layout="stereo", rate=SOUND_HZ)
        self._file = _Disk(path, "wb")
        self._wave = wave.open(self._file, "wb")  # noqa: SIM115 - closed by close()
        self._wave.setparams((_CHANNELS, 2, SOUND_HZ, 0, "NONE", ""))
        self._waiting: list[bytes] = []
        self._unwritten = 0
        self._end = 0
        self._expected: tuple[int, int] | None = None  # (epoch, pts) of a packet that follows the last one

    def fits(self, name: TrackName, packet: TimedPacket) -> bool:
        full = self._end * 2 * _CHANNELS > _WAV_BYTES
        return name == self._name and packet.packet.codec == self._codec and not full

    def write(self, name: TrackName, packet: TimedPacket, *, hurry: bool = False) -> None:
        samples = self._decoded(packet)
        at = round((packet.time_s - self._origin_s) * SOUND_HZ) - _LOOK_AHEAD
        follows = self._expected == (packet.epoch, packet.packet.pts)
        if at - self._end > (_WAV_HOLE if follows else len(samples) // 2):
            self._append_silence(at - self._end)
        self._append(samples)
        seconds = len(samples) / SOUND_HZ
        self._expected = (packet.epoch, packet.packet.pts + round(seconds * packet.packet.clock_hz))
        self.end_s = self._origin_s + self._end / SOUND_HZ
        if self._unwritten >= _WAV_EVERY:
            self._flush()

    def close(self) -> None:
        try:
            self._flush()
            self._wave.close()
        finally:
            self._file.close()

    def _decoded(self, packet: TimedPacket) -> Any:
        frames = self._decoder.decode(av.Packet(packet.packet.content))
        converted = [from_av(one) for frame in frames for one in self._resampler.resample(frame)]
        return np.concatenate(converted) if converted else np.zeros((0, _CHANNELS), np.int16)

    def _append_silence(self, count: int) -> None:
        while count > 0:
            piece = min(count, _WAV_EVERY)
            self._append(np.zeros((piece, _CHANNELS), np.int16))
            self._flush()
            count -= piece

    def _append(self, samples: Any) -> None:
        self._waiting.append(samples.tobytes())
        self._unwritten += len(samples)
        self._end += len(samples)

    def _flush(self) -> None:
        content, self._waiting, self._unwritten = b"".join(self._waiting), [], 0
        self._wave.writeframes(content)  # mends the header as well
