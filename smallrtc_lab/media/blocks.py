"""Sound cut into blocks of one length at a subscriber's own rate and channel count."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .resample import Resampler, to_float

__all__ = ["Block", "BlockCutter"]

Samples = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Block:
    """``samples`` (n, channels) float32 from ``start_s`` on; ``gaps`` are (start, duration) in seconds."""

    samples: Samples
    start_s: float
    gaps: tuple[tuple[float, float], ...]


class BlockCutter:
    """Resamples a stream once and cuts it into blocks; what never arrived becomes zeros and a marked gap.

    A block begins every ``hop`` samples (as many as a block has, unless asked otherwise), so the blocks are
    ``sliding_window_view(signal, block)[::hop]``: they overlap where ``hop`` is smaller and leave samples out where it
    is larger. A gap is marked in each block that holds a part of it. One longer than ``longest_fill_s`` is not
    filled: the blocks go on after it, with the gap marked in the first.
    """

    longest_fill_s = 5.0

    def __init__(
        self,
        *,
        in_rate: int,
        in_channels: int,
        out_rate: int,
        out_channels: int,
        block: int,
        hop: int | None = None,
    ) -> None:
        self.in_rate = in_rate
        self.out_rate = out_rate
        self.out_channels = out_channels
        self.block = block
        self.hop = block if hop is None else hop
        self._format = (in_rate, out_rate, in_channels, out_channels)
        self._resampler = Resampler(*self._format)
        self._held: list[Samples] = []
        self._count = 0
        self._skip = 0  # of what comes next, so many samples belong to no block
        self._expected: int | None = None  # the input position the next sample should have
        self._start_s = 0.0  # session time of the next block
        self._gaps: list[tuple[float, float]] = []

    @property
    def block_s(self) -> float:
        """Length of a block in seconds."""
        return self.block / self.out_rate

    @property
    def hop_s(self) -> float:
        """From the beginning of a block to that of the next, in seconds."""
        return self.hop / self.out_rate

    def push(self, samples: npt.NDArray[np.int16], position: int) -> Iterator[Block]:
        """Take (n, channels) int16 at an input position, yield each block that became complete."""
        if self._expected is None:
            self._start_s = position / self.in_rate
        elif position > self._expected:
            self._mark(position, position - self._expected)
        elif position < self._expected:  # those samples were delivered already
            samples = samples[self._expected - position :]
            position = self._expected
        self._expected = position + len(samples)
        self._take(self._resampler.push(to_float(samples)))
        yield from self._cut()

    def _mark(self, position: int, missing: int) -> None:
        duration_s = missing / self.in_rate
        if duration_s <= self.longest_fill_s:
            self._gaps.append(((position - missing) / self.in_rate, duration_s))
            self._take(self._resampler.push(np.zeros((missing, self._format[2]), np.float32)))
            return
        after_s = position / self.in_rate
        begin_s = min(self._start_s, after_s - duration_s)
        self._gaps.append((begin_s, after_s - begin_s))  # with what was held: no whole block
        self._resampler = Resampler(*self._format)
        self._held.clear()
        self._count = self._skip = 0
        self._start_s = after_s

    def _take(self, samples: Samples) -> None:
        skipped = min(self._skip, len(samples))
        self._skip -= skipped
        if len(samples) > skipped:
            self._held.append(samples[skipped:])
            self._count += len(samples) - skipped

    def _cut(self) -> Iterator[Block]:
        if self._count < self.block:
            return
        joined = self._held[0] if len(self._held) == 1 else np.concatenate(self._held)
        blocks = 1 + (len(joined) - self.block) // self.hop
        taken = blocks * self.hop
        rest = joined[taken:]
        self._held = [rest.copy()] if len(rest) else []
        self._count = len(rest)
        self._skip = max(0, taken - len(joined))
        for first in range(0, taken, self.hop):
            yield self._block(joined[first : first + self.block].copy())

    def _block(self, samples: Samples) -> Block:
        start_s, end_s = self._start_s, self._start_s + self.block_s
        self._start_s += self.hop_s
        half_s = 0.5 / self.out_rate  # of a sample: both were added up in floats
        gaps = tuple(gap for gap in self._gaps if gap[0] < end_s - half_s)
        self._gaps = [gap for gap in self._gaps if gap[0] + gap[1] > self._start_s + half_s]
        return Block(samples, start_s, gaps)
