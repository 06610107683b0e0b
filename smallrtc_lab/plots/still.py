"""Sound and pictures that stay as they are: for plots that are frozen, and of arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from .drawing import Float32, Moment, Pixels, Sound

__all__ = ["StillShot", "StillSound", "still"]


@dataclass(frozen=True, eq=False)
class StillSound:
    """Samples that stay as they are: (n, channels) float32, the first at ``start``; ``gaps`` (position, length)."""

    samples: Float32
    sample_rate: int
    start: int = 0
    start_s: float = 0.0
    gaps: Sequence[tuple[int, int]] = ()

    @property
    def end(self) -> int:
        """The position behind the last sample."""
        return self.start + len(self.samples)

    def time_s(self, position: float) -> float:
        """Session seconds: ``start_s`` at ``start``, and evenly from there."""
        return self.start_s + (position - self.start) / self.sample_rate

    def read(self, position: int, n: int) -> tuple[Float32, Sequence[tuple[int, int]]]:
        """As :meth:`Sound.read`."""
        out = np.zeros((n, self.samples.shape[1]), np.float32)
        first = min(max(position, self.start), position + n)
        last = max(min(position + n, self.end), first)
        out[first - position : last - position] = self.samples[first - self.start : last - self.start]
        outside = [(position, first - position), (last, position + n - last)]
        missing = [*outside, *((p, k) for p, k in self.gaps if p < last and p + k > first)]
        return out, sorted((p, k) for p, k in missing if k > 0)


def still(sound: Sound, moment: Moment, seconds: float) -> StillSound:
    """The ``seconds`` before a moment as they are now, for plots that are frozen: a ring goes on and forgets.

    At most what there is. 30 s of two channels at 48 kHz take 12 MB.
    """
    first = max(sound.start, moment.end - round(seconds * sound.sample_rate))
    samples, gaps = sound.read(first, max(0, moment.end - first))
    return StillSound(samples, sound.sample_rate, first, sound.time_s(first), gaps)


@dataclass(frozen=True, eq=False)
class StillShot:
    """A picture of its own: ``image`` (H, W, 3) uint8 RGB."""

    image: Pixels
    sequence: int = 0
    time_s: float = 0.0

    @property
    def width(self) -> int:
        """Pixels across."""
        return int(self.image.shape[1])

    @property
    def height(self) -> int:
        """Pixels down."""
        return int(self.image.shape[0])

    def rgb(self, width: int, height: int) -> Pixels:
        """As :meth:`Shot.rgb`."""
        if (height, width) == self.image.shape[:2]:
            return self.image
        scaled = Image.fromarray(self.image).resize((width, height), Image.Resampling.BILINEAR)
        return np.asarray(scaled)
