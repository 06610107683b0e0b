"""Sound cut into blocks of one length at a subscriber's own rate and channel count."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from smallrtc_lab.media.resample import Resampler, to_float

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

    A gap longer than ``longest_fill_s`` is not filled: the blocks go on after it, with the gap marked.
    """

    longest_fill_s = 5.0

    def __init__(
        self, *, in_rate: int, in_channels: int, out_rate: int, out_channels: int, block: int
    ) -> None:
        self.in_rate = in_rate
        self.out_rate = out_rate
        self.block = block
        self._format = (in_rate, out_rate, in_channels, out_channels)
        self._resampler = Resampler(*self._format)
        self._held: list[Samples] = []
        self._count = 0
        self._expected: int | None = None  # the input position the next sample should have
        self._start_s = 0.0  # session time of the first held sample
        self._gaps: list[tuple[float, float]] = []

    @property
    def block_s(self) -> float:
        """Length of a block in seconds."""
        return self.block / self.out_rate

    def push(self, samples: npt.NDArray[np.int16], position: int) -> Iterator[Block]:
        """Take (n, channels) int16 at an input position, yield each block that became complete."""
        if self._expected is None:
            self._start_s = position / self.in_rate
        elif position > self._expected:
            self._mark(position, position - self._expected)
        elif position < self._expected:  # an overlap: those samples were delivered already
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
        self._gaps.append((self._start_s, after_s - self._start_s))  # with what was held: no whole block
        self._resampler = Resampler(*self._format)
        self._held.clear()
        self._count = 0
        self._start_s = after_s

    def _take(self, samples: Samples) -> None:
        if len(samples):
            self._held.append(samples)
            self._count += len(samples)

    def _cut(self) -> Iterator[Block]:
        while self._count >= self.block:
            joined = self._held[0] if len(self._held) == 1 else np.concatenate(self._held)
            end_s = self._start_s + self.block_s
            gaps = tuple(g for g in self._gaps if g[0] < end_s)
            self._gaps = [g for g in self._gaps if g[0] + g[1] > end_s]
            yield Block(np.ascontiguousarray(joined[: self.block]), self._start_s, gaps)
            self._held = [joined[self.block :]] if len(joined) > self.block else []
            self._count = len(joined) - self.block
            self._start_s = end_s
