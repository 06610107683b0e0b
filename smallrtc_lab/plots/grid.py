"""Figures of segments that lie on a grid of absolute sample positions, each computed once.

Segment k covers the samples from ``k · hop`` to ``k · hop + length``. The grid belongs to the sound, not to the
moment of drawing: so what scrolls and what is computed afresh are the same, and each keeps its values for good.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from .drawing import Float32, Moment, Sound

__all__ = ["Compute", "GridRows", "runs"]

# (n, channels) float32 to (segments, width): what is kept of each segment.
Compute: TypeAlias = Callable[[Float32], npt.NDArray[np.floating]]
_SETTLED_S = 2.0  # a packet that is so late would not be played, so a gap stays a gap
_BATCH = 512  # segments computed at once


class GridRows:
    """Rows of the newest ``capacity`` segments, float32; NaN where samples of a segment are missing.

    ``first`` and ``stop`` say which segments are held. Belongs to one thread.
    """

    def __init__(self, length: int, hop: int, capacity: int, width: int, compute: Compute) -> None:
        self.length = length
        self.hop = hop
        self.capacity = capacity
        self.first = 0
        self.stop = 0
        self._compute = compute
        self._rows = np.full((capacity, width), np.nan, np.float32)
        self._times_s = np.zeros(capacity)
        self._lacking: set[int] = set()

    def update(self, sound: Sound, moment: Moment) -> int | None:
        """Compute what has come; returns the first segment that is new or has changed, None when nothing has."""
        stop = (moment.end - self.length) // self.hop + 1
        oldest = max(stop - self.capacity, -(-sound.start // self.hop), 0)
        if stop < self.stop or oldest > self.stop or self.first == self.stop:
            self.first = self.stop = max(0, min(oldest, stop))
            self._lacking.clear()
        changed = self._mended(sound, moment.end)
        if stop > self.stop:
            changed = self.stop if changed is None else changed
            for first in range(self.stop, stop, _BATCH):
                self._put(sound, first, min(stop, first + _BATCH))
            self.stop = stop
        self.first = max(self.first, stop - self.capacity)
        return changed

    def rows(self, first: int, stop: int) -> Float32:
        """(stop − first, width) float32: a copy; those that are not held are NaN."""
        out = np.full((max(0, stop - first), self._rows.shape[1]), np.nan, np.float32)
        low, high = max(first, self.first), min(stop, self.stop)
        if high > low:
            out[low - first : high - first] = self._rows[np.arange(low, high) % self.capacity]
        return out

    def times_s(self, first: int, stop: int) -> npt.NDArray[np.float64]:
        """(stop − first,) session seconds of the middle of each segment, which are held."""
        return self._times_s[np.arange(first, stop) % self.capacity]

    def centre(self, segment: float) -> float:
        """The position of a segment's middle, in samples."""
        return segment * self.hop + self.length / 2

    def _put(self, sound: Sound, first: int, stop: int) -> None:
        position = first * self.hop
        samples, gaps = sound.read(position, (stop - first - 1) * self.hop + self.length)
        places = np.arange(first, stop)
        rows = np.asarray(self._compute(samples), np.float32)
        for gap, count in gaps:
            lacking = places[(places * self.hop < gap + count) & (places * self.hop + self.length > gap)]
            rows[lacking - first] = np.nan
            self._lacking.update(lacking.tolist())
        self._rows[places % self.capacity] = rows
        self._times_s[places % self.capacity] = [
            sound.time_s(self.centre(place)) for place in places.tolist()
        ]

    def _mended(self, sound: Sound, end: int) -> int | None:
        """Segments whose missing samples came late after all are computed again; returns the first of them."""
        if not self._lacking:
            return None
        settled = end - round(_SETTLED_S * sound.sample_rate)
        self._lacking = {k for k in self._lacking if k >= self.first and k * self.hop > settled}
        mended = None
        for segment in sorted(self._lacking):
            if not sound.read(segment * self.hop, self.length)[1]:
                self._lacking.discard(segment)
                self._put(sound, segment, segment + 1)
                mended = segment if mended is None else mended
        return mended


def runs(flags: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Where True begins and ends, from left to right."""
    edges = np.concatenate([[False], flags, [False]])
    return [(int(a), int(b)) for a, b in np.flatnonzero(edges[1:] != edges[:-1]).reshape(-1, 2)]
