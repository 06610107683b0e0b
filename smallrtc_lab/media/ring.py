"""The last seconds of a sound stream, addressed by sample position since the session began."""

from __future__ import annotations

import threading
from collections import deque
from typing import NamedTuple

import numpy as np

from .resample import Int16

__all__ = ["AudioRing", "MissingSamples", "Stretch"]


class MissingSamples(NamedTuple):
    """``length`` samples from ``position`` (absolute) on that never arrived; they read as zero."""

    position: int
    length: int


class Stretch(NamedTuple):
    """A piece of a ring: ``samples`` (n, channels) int16, private, the first at ``position``; what is missing."""

    samples: Int16
    position: int
    gaps: tuple[MissingSamples, ...]


class AudioRing:
    """``seconds`` of int16 sound in memory reserved at the start (``memory_bytes``).

    Thread-safe for one writer and any number of readers. ``late_samples`` counts samples that came after
    their place had been passed: those still kept are overwritten, those older than ``start`` are dropped.
    """

    def __init__(self, sample_rate: int = 48000, channels: int = 2, seconds: float = 30.0) -> None:
        capacity = round(sample_rate * seconds)
        if sample_rate < 1 or channels < 1 or capacity < 1:
            raise ValueError("a ring has a sample rate, channels and room for at least one sample")
        self.sample_rate = sample_rate
        self.channels = channels
        self.capacity = capacity
        self.late_samples = 0
        self._samples: Int16 = np.zeros((capacity, channels), np.int16)
        self._gaps: deque[MissingSamples] = deque()
        self._end = 0
        self._first = 0
        self._empty = True
        self._lock = threading.Lock()

    @property
    def memory_bytes(self) -> int:
        """What the samples take."""
        return self._samples.nbytes

    @property
    def end(self) -> int:
        """The position behind the newest sample."""
        return self._end

    @property
    def start(self) -> int:
        """The position of the oldest sample kept; equal to ``end`` when there is none."""
        return max(self._first, self._end - self.capacity)

    def append(self, samples: Int16, position: int | None = None) -> None:
        """Write (n, channels) int16 at ``position``, by default at the end.

        A position beyond the end leaves a gap of zeros; the first position of all begins the ring there.
        """
        if samples.ndim != 2 or samples.shape[1] != self.channels or samples.dtype != np.int16:
            raise ValueError(
                f"samples are int16 of shape (n, {self.channels}), got {samples.dtype} {samples.shape}"
            )
        with self._lock:
            position = self._end if position is None else position
            if self._empty and len(samples):
                self._first = self._end = position
                self._empty = False
            self._place(samples, position)

    def read(self, position: int, n: int) -> tuple[Int16, tuple[MissingSamples, ...]]:
        """A copy of ``n`` samples from ``position`` on, (n, channels) int16, and what of them is missing.

        What is older than ``start`` or newer than ``end`` reads as zero and counts as missing.
        """
        if n < 0:
            raise ValueError(f"cannot read {n} samples")
        with self._lock:
            return self._read(position, n)

    def last(self, seconds: float) -> Stretch:
        """The newest ``seconds``, or what there is of them."""
        wanted = max(0, round(seconds * self.sample_rate))
        with self._lock:
            position = max(self.start, self._end - wanted)
            samples, gaps = self._read(position, self._end - position)
            return Stretch(samples, position, gaps)

    def _read(self, position: int, n: int) -> tuple[Int16, tuple[MissingSamples, ...]]:
        out: Int16 = np.zeros((n, self.channels), np.int16)
        first = min(max(position, self.start), position + n)
        last = max(min(position + n, self._end), first)
        self._copy_out(first, out[first - position : last - position])
        inside = [
            (gap.position, gap.position + gap.length) for gap in self._gaps if _overlaps(gap, first, last)
        ]
        missing = [(position, first), *inside, (last, position + n)]
        return out, _joined(missing, position, position + n)

    def _place(self, samples: Int16, position: int) -> None:
        stop = position + len(samples)
        if position > self._end:
            self._leave_gap(position)
        else:
            self.late_samples += min(stop, self._end) - position
        oldest = max(self._first, max(stop, self._end) - self.capacity)
        if position < oldest:
            samples = samples[oldest - position :]
            position = oldest
        if len(samples):
            if position < self._end:
                self._fill_gaps(position, stop)
            self._copy_in(position, samples)
        self._end = max(self._end, stop)
        self._forget()

    def _leave_gap(self, position: int) -> None:
        self._gaps.append(MissingSamples(self._end, position - self._end))
        first = max(self._end, position - self.capacity)
        for part in self._parts(first, position - first):
            self._samples[part] = 0
        self._end = position

    def _fill_gaps(self, start: int, stop: int) -> None:
        if not any(_overlaps(gap, start, stop) for gap in self._gaps):
            return
        kept: deque[MissingSamples] = deque()
        for gap in self._gaps:
            for first, last in (
                (gap.position, min(gap.position + gap.length, start)),
                (max(gap.position, stop), gap.position + gap.length),
            ):
                if last > first:
                    kept.append(MissingSamples(first, last - first))
        self._gaps = kept

    def _forget(self) -> None:
        start = self.start
        while self._gaps and self._gaps[0].position + self._gaps[0].length <= start:
            self._gaps.popleft()

    def _copy_in(self, position: int, samples: Int16) -> None:
        done = 0
        for part in self._parts(position, len(samples)):
            count = part.stop - part.start
            self._samples[part] = samples[done : done + count]
            done += count

    def _copy_out(self, position: int, out: Int16) -> None:
        done = 0
        for part in self._parts(position, len(out)):
            count = part.stop - part.start
            out[done : done + count] = self._samples[part]
            done += count

    def _parts(self, position: int, count: int) -> tuple[slice, ...]:
        """Where positions lie in storage: one stretch, or two around the end of it."""
        first = position % self.capacity
        stop = first + count
        if stop <= self.capacity:
            return (slice(first, stop),)
        return (slice(first, self.capacity), slice(0, stop - self.capacity))


def _overlaps(gap: MissingSamples, first: int, last: int) -> bool:
    return gap.position < last and gap.position + gap.length > first


def _joined(stretches: list[tuple[int, int]], first: int, last: int) -> tuple[MissingSamples, ...]:
    """Sorted stretches, cut to first..last and joined where they touch."""
    found: list[MissingSamples] = []
    for start, stop in stretches:
        start, stop = max(start, first), min(stop, last)
        if stop <= start:
            continue
        if found and found[-1].position + found[-1].length >= start:
            start = found.pop().position
        found.append(MissingSamples(start, stop - start))
    return tuple(found)
