"""A file read ahead on a thread of its own: a few pictures and half a second of sound wait, and no more."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from pathlib import PurePath

import av
import numpy as np

from smallrtc_lab.errors import MediaFileError
from smallrtc_lab.media.filesource import CHANNELS, RATE_HZ, PictureReader, SoundReader, describe
from smallrtc_lab.media.resample import Int16

__all__ = ["FileFeed"]

PICTURES = 8
SOUND = RATE_HZ // 2
PREROLL = RATE_HZ // 10
SHORTEST_S = 0.02  # a file that is shorter has nothing to repeat


class FileFeed:
    """Pictures and sound of a file with times that go on growing when it is repeated.

    Opening it blocks, and raises :class:`MediaFileError`. ``progress()`` is called on the reading thread when there may
    be something new to take. All else may be called from any thread, and waits for nothing but a short lock.
    """

    def __init__(
        self, path: str, *, loop: bool, most_size: tuple[int, int], progress: Callable[[], None]
    ) -> None:
        self.facts = describe(path)
        self.error: str | None = None
        self.length_s: float | None = None  # known once the end was reached
        self.ends_at_s: float | None = None
        self._loop = loop
        self._progress = progress
        self._picture_reader = PictureReader(path, most_size) if self.facts.size else None
        self._sound_reader = SoundReader(path) if self.facts.has_sound else None
        self._changed = threading.Condition()
        self._closed = False
        self._asked_s: float | None = None
        self._rewind()
        self._thread = threading.Thread(
            target=self._run, name=f"smallrtc file {PurePath(path).name}", daemon=True
        )
        self._thread.start()

    def _rewind(self) -> None:
        self._pictures: deque[tuple[float, av.VideoFrame]] = deque()
        self._sound: deque[tuple[int, Int16]] = deque()
        self._sound_level = 0
        self._base_s = 0.0  # of the repetition that is read
        self._reached_s = 0.0  # within the file, by pictures and sound
        self._pictures_end = self._picture_reader is None
        self._sound_end = self._sound_reader is None
        self.ends_at_s = None

    @property
    def ready(self) -> bool:
        """Whether there is enough to begin."""
        with self._changed:
            if self._asked_s is not None:
                return False
            seen = self._pictures_end or bool(self._pictures)
            return seen and (self._sound_end or self._sound_level >= PREROLL)

    @property
    def next_picture_s(self) -> float | None:
        """When the next picture is due."""
        with self._changed:
            return self._pictures[0][0] if self._pictures else None

    def picture(self, position_s: float) -> tuple[float, av.VideoFrame, int] | None:
        """The picture that is due at ``position_s``, its time, and how many before it came too late to be seen."""
        found, late = None, -1
        with self._changed:
            while self._pictures and self._pictures[0][0] <= position_s:
                found = self._pictures.popleft()
                late += 1
            self._changed.notify()
        return None if found is None else (*found, late)

    def sound(self, begin: int, count: int) -> Int16:
        """The samples from ``begin`` on, (count, 2) at 48 kHz; zeros where there are none (yet)."""
        out = np.zeros((count, CHANNELS), np.int16)
        with self._changed:
            while self._sound and self._sound[0][0] < begin + count:
                at, samples = self._sound.popleft()
                first, last = max(at, begin), min(at + len(samples), begin + count)
                if first < last:
                    out[first - begin : last - begin] = samples[first - at : last - at]
                self._sound_level -= len(samples)
                if at + len(samples) > begin + count:
                    rest = samples[begin + count - at :]
                    self._sound.appendleft((begin + count, rest))
                    self._sound_level += len(rest)
                    break
            self._changed.notify()
        return out

    def forget_sound(self, before_s: float) -> None:
        """Drop what was to be heard before; where nobody listens nobody takes it, and the file would never end."""
        with self._changed:
            while self._sound and self._sound[0][0] + len(self._sound[0][1]) <= before_s * RATE_HZ:
                self._sound_level -= len(self._sound.popleft()[1])
            self._changed.notify()

    def seek(self, position_s: float) -> None:
        """Read from elsewhere; what waits is thrown away."""
        with self._changed:
            self._asked_s = position_s
            self._changed.notify()

    def close(self) -> None:
        """Let the thread end, and wait for it: it lets go of the file."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(10.0)

    # The reading thread

    def _run(self) -> None:
        try:
            while self._step():
                pass
        except (MediaFileError, av.FFmpegError, ValueError) as error:
            self.error = str(error)
        except Exception as error:  # noqa: BLE001 - border: whatever a stranger's file makes of the codecs is shown
            self.error = f"it could not be read any further: {type(error).__name__}: {error}"
        finally:
            for reader in (self._picture_reader, self._sound_reader):
                if reader is not None:
                    reader.close()
        self._progress()

    def _step(self) -> bool:
        with self._changed:
            self._changed.wait_for(self._something_to_do)
            if self._closed:
                return False
            asked_s, self._asked_s = self._asked_s, None
            if asked_s is not None:
                self._rewind()
                self._reached_s = asked_s  # also where nothing follows: a file that is repeated begins again
            wants_sound = not self._sound_end and self._sound_level < SOUND
            at_end = self._pictures_end and self._sound_end
        if asked_s is not None:
            self._go_to(asked_s)
        elif at_end:
            self._end()
        elif wants_sound:
            self._read_sound()
        else:
            self._read_picture()
        return True

    def _something_to_do(self) -> bool:
        if self._closed or self._asked_s is not None:
            return True
        wants_sound = not self._sound_end and self._sound_level < SOUND
        wants_picture = not self._pictures_end and len(self._pictures) < PICTURES
        return (
            wants_sound
            or wants_picture
            or (self._pictures_end and self._sound_end and self.ends_at_s is None)
        )

    def _go_to(self, position_s: float) -> None:
        if self._picture_reader is not None:
            self._picture_reader.seek(position_s)
        if self._sound_reader is not None:
            self._sound_reader.seek(position_s)

    def _read_picture(self) -> None:
        assert self._picture_reader is not None
        found = self._picture_reader.next()
        with self._changed:
            if self._asked_s is not None:
                return
            if found is None:
                self._pictures_end = True
            else:
                self._pictures.append((found[0] + self._base_s, found[1]))
                self._reached_s = max(self._reached_s, found[0] + self._picture_reader.interval_s)
        self._progress()

    def _read_sound(self) -> None:
        assert self._sound_reader is not None
        found = self._sound_reader.next()
        with self._changed:
            if self._asked_s is not None:
                return
            if found is None:
                self._sound_end = True
            else:
                at, samples = found
                self._sound.append((at + round(self._base_s * RATE_HZ), samples))
                self._sound_level += len(samples)
                self._reached_s = max(self._reached_s, (at + len(samples)) / RATE_HZ)
        self._progress()

    def _end(self) -> None:
        """Both kinds are at their end: begin again, or that was all."""
        with self._changed:
            self.length_s = max(self._reached_s, self.length_s or 0.0)
            again = self._loop and self.length_s > SHORTEST_S
            if again:
                self._base_s += self.length_s
                self._pictures_end = self._picture_reader is None
                self._sound_end = self._sound_reader is None
            else:
                self.ends_at_s = self._base_s + self._reached_s
        if again:
            self._go_to(0.0)
        self._progress()
