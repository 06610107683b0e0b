"""A recording: encoded packets into files that are playable at every moment, on a thread of its own.

``put`` never waits: what the disk is too slow for is left out and counted, pictures then up to the next keyframe, so
that nobody sees a picture built on one that is missing. A file's tracks are fixed when it begins; when another source
comes, or a codec changes in a way its header does not allow, the recording goes on in a next file, ``name-2``.
"""

from __future__ import annotations

import enum
import errno
import logging
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import av

from .encoded import TimedPacket
from .recorder_file import RecordedFile, open_file
from .recorder_formats import FileFormat, TrackName, next_path
from .recorder_opening import Opening
from .recorder_queue import BatchQueue

__all__ = ["Recorder", "RecorderFigures", "RecorderState"]

logger = logging.getLogger(__name__)

_QUEUE = 1000  # packets: ten seconds of everything
_HURRY = 100  # of them that wait: pictures are no longer encoded again, only packets copied
_BATCH = 32  # packets that the thread is woken for
_TICK_S = 0.25  # or as long, if fewer come
_CHANGE_S = 1.0  # patience with keyframes and other tracks when a next file begins


class RecorderState(enum.Enum):
    """Where a recording stands."""

    WAITING = "waiting"  # for the first keyframe and sound
    RECORDING = "recording"
    STOPPED = "stopped"
    FAILED = "failed"


class RecorderFigures(NamedTuple):
    """What a recording has come to: ``duration_s`` and ``size_bytes`` over all its files.

    ``dropped`` are packets that were not written (too slow a disk, or a broken chain of pictures), ``note`` what is
    transcoded, ``error`` why it ended by itself.
    """

    state: str
    paths: tuple[str, ...]
    duration_s: float
    size_bytes: int
    dropped: int
    note: str
    error: str | None


class _Item(NamedTuple):
    name: TrackName
    packet: TimedPacket
    broken: bool


class Recorder:
    """Records into ``path``, an empty file; ``expected`` tracks are waited for, ``patience_s`` after the first packet.

    Which others there are shows in ``settle_s``. Next files are named after ``base``, or else after ``path``.

    ``put``, ``stop`` and the properties may be used from any thread.
    """

    def __init__(
        self,
        path: Path,
        file: FileFormat,
        expected: Iterable[TrackName],
        *,
        patience_s: float = 5.0,
        settle_s: float = 0.0,
        base: Path | None = None,
    ) -> None:
        self.state = RecorderState.WAITING
        self.wants_keyframe = True
        self.error: str | None = None
        self._path = path
        self._base = base or path
        self._format = file
        self._paths: list[Path] = []
        self._opening: Opening | None = Opening(expected, patience_s, settle_s)
        self._file: RecordedFile | None = None
        self._begun_s = 0.0  # of the file that is written
        self._before_s = 0.0  # in the files before it
        self._left_out_before = 0
        self._transcoded: dict[str, None] = {}
        self._broken: set[TrackName] = set()  # pictures that wait for a keyframe
        self._epochs: dict[TrackName, int] = {}
        self._queue: BatchQueue[_Item] = BatchQueue(_QUEUE, batch=_BATCH, patience_s=_TICK_S)
        self._overrun: set[TrackName] = set()  # something of theirs was not queued
        self._stopping = threading.Event()
        self.dropped = 0
        self._thread = threading.Thread(target=self._run, name="smallrtc recording", daemon=True)
        self._thread.start()

    def put(self, name: TrackName, packet: TimedPacket, *, broken: bool = False) -> None:
        """Record a packet; ``broken``: a picture before it was lost."""
        if self._stopping.is_set():
            return
        if self._queue.put(_Item(name, packet, broken or name in self._overrun)):
            self._overrun.discard(name)
        else:
            self.dropped += 1
            self._overrun.add(name)

    def stop(self, timeout_s: float = 10.0) -> bool:
        """Write what waits, finish the file; whether it was done in time. Safe to call twice."""
        self._stopping.set()
        self._queue.hurry()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def figures(self) -> RecorderFigures:
        """How it stands."""
        file = self._file
        length_s = 0.0 if file is None else max(0.0, file.end_s - self._begun_s)
        return RecorderFigures(
            self.state.value,
            tuple(map(str, self._paths)),
            round(self._before_s + length_s, 3),
            sum(_size(path) for path in self._paths),
            self.dropped,
            self._note(file),
            self.error,
        )

    @property
    def waiting(self) -> int:
        """Packets that are not written yet."""
        return self._queue.waiting

    def _note(self, file: RecordedFile | None) -> str:
        parts = []
        if self._transcoded and self._format.muxer != "wav":
            codec = self._format.video if self._format.video else "Opus"
            titles = " and ".join(self._transcoded)
            parts.append(
                f"transcoded to {codec}, which costs time: {self._format.suffix} cannot hold the {titles} as sent"
            )
        left_out = self._left_out_before + (0 if file is None else file.left_out)
        if left_out:
            parts.append(f"{left_out} pictures left out, for this machine is too slow to transcode all")
        return "; ".join(parts)

    # The thread

    def _run(self) -> None:
        try:
            while not (self._stopping.is_set() and not self._queue.waiting):
                for item in self._queue.take():
                    self._take(item)
                    self._queue.done()
            self._finish()
            self.state = RecorderState.STOPPED
        except OSError as error:
            self._fail(_sentence(error))
        except Exception as error:  # border: a library's surprise ends the recording, and is said
            logger.exception("a recording failed")
            self._fail(f"The recording failed: {error}.")

    def _take(self, item: _Item) -> None:
        if not self._whole(item):
            self.dropped += 1
            self.wants_keyframe = True
            return
        name, packet, _ = item
        file, opening = self._file, self._opening
        if file is not None and file.fits(name, packet):
            file.write(name, packet, hurry=self._queue.waiting > _HURRY)
        elif opening is None and packet.packet.keyframe:
            opening = self._opening = Opening({*self._epochs}, _CHANGE_S)
            self.wants_keyframe = True
        if opening is not None and opening.offer(name, packet):
            self._begin(opening)

    def _whole(self, item: _Item) -> bool:
        """Whether a decoder that has what was recorded can show this: pictures wait for a keyframe after a loss."""
        name, packet, broken = item
        if name.kind == "audio":
            self._epochs[name] = packet.epoch
            return True
        if broken or self._epochs.get(name, packet.epoch) != packet.epoch:
            self._broken.add(name)
        self._epochs[name] = packet.epoch
        if packet.packet.keyframe:
            self._broken.discard(name)
            self.wants_keyframe = self._opening is not None
        return name not in self._broken

    def _begin(self, opening: Opening) -> None:
        """Open the next file, and write what has waited for it."""
        self._end_file()
        path = self._path if not self._paths else next_path(self._base)
        origin_s = opening.origin_s
        self._paths.append(path)
        self._begun_s = origin_s
        self._file = file = open_file(path, self._format, opening.first, origin_s)
        self._transcoded |= dict.fromkeys(file.transcoded)
        self._opening, self.wants_keyframe = None, False
        self.state = RecorderState.RECORDING
        for name, packet in opening.held():
            if file.fits(name, packet) and packet.time_s >= origin_s:
                file.write(name, packet)

    def _end_file(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            self._before_s += max(0.0, file.end_s - self._begun_s)
            self._left_out_before += file.left_out
            file.close()

    def _finish(self) -> None:
        if self._file is None and self._opening is not None and self._opening.first:
            self._begin(self._opening)  # stopped before everything had come: what there is, is kept
        self._end_file()
        if not self._paths:
            self._path.unlink(missing_ok=True)  # it was only reserved
            self.error = "Nothing came that could be recorded, so there is no file."

    def _fail(self, sentence: str) -> None:
        """Keep what there is, and say why there will be no more."""
        self.error = sentence
        self._stopping.set()
        try:
            self._end_file()
        except (OSError, av.error.FFmpegError) as error:
            # On a full disk the end of the file cannot be written either; it plays without, and ``error`` says why.
            logger.info("the end of a recording could not be written: %s", error)
        self.state = RecorderState.FAILED


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _sentence(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return (
            "The disk is full: the recording has ended; what was written until then can be played. Make room."
        )
    if error.errno == errno.EFBIG:
        return "The file has grown as large as it may be here: the recording has ended; what was written can be played."
    return f"The recording has ended, for the file cannot be written: {error.strerror or error}."
