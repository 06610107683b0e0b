"""The newest samples of a sound as one array, kept up by reading only what is new."""

from __future__ import annotations

import numpy as np

from .drawing import Float32, Moment, Sound
from .spectra import mixed

__all__ = ["Recent"]

_SETTLED_S = 2.0  # a packet that is so late would not be played, so a gap stays a gap


class Recent:
    """The last ``capacity`` samples of one channel, or of the mean of all; NaN where they are missing.

    ``first`` and ``end`` are the positions that are held. Belongs to one thread.
    """

    def __init__(self, capacity: int, channel: int | None) -> None:
        self.capacity = capacity
        self.first = 0
        self.end = 0
        self._channel = channel
        self._room = np.empty(2 * capacity, np.float32)  # when it is full its second half moves to the front
        self._used = 0
        self._lacking: int | None = None  # from here on something is missing that may come yet

    def update(self, sound: Sound, moment: Moment) -> None:
        """Read what has come since last time, and what was missing then once more."""
        end = moment.end
        oldest = max(sound.start, end - self.capacity, 0)
        if end < self.end or oldest > self.end or self.first == self.end:
            self.first = self.end = min(oldest, end)
            self._used, self._lacking = 0, None
        again = self.end if self._lacking is None else max(self._lacking, oldest)
        self._used -= self.end - again
        self._append(sound, again, end)
        self._lacking = self._first_lacking(end - round(_SETTLED_S * sound.sample_rate))

    def samples(self, first: int, end: int) -> Float32:
        """(end − first,) float32 of positions that are held; a view, valid until the next update."""
        begin = self._used - self.end
        return self._room[begin + first : begin + end]

    def _append(self, sound: Sound, first: int, end: int) -> None:
        samples, gaps = sound.read(first, end - first)
        mono = mixed(samples, self._channel)
        for position, length in gaps:
            mono[max(0, position - first) : max(0, position + length - first)] = np.nan
        if self._used + len(mono) > len(self._room):
            kept = min(self._used, self.capacity - len(mono))
            self._room[:kept] = self._room[self._used - kept : self._used].copy()
            self._used = kept
        self._room[self._used : self._used + len(mono)] = mono
        self._used += len(mono)
        self.end = end
        self.first = max(self.first, end - min(self._used, self.capacity))

    def _first_lacking(self, settled: int) -> int | None:
        first = max(self.first, settled)
        found = np.flatnonzero(np.isnan(self.samples(first, self.end)))
        return first + int(found[0]) if len(found) else None
