"""Keeps a sum of sounds within full scale: turned down where it would be too loud, untouched everywhere else."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .resample import Int16

__all__ = ["Limiter"]

CEILING = 32_112.0  # 98 % of full scale of int16
STEP = 120  # samples: 2.5 ms at 48 kHz, within which the gain moves in a straight line
RELEASE = 0.0125  # the gain rises by so much a step at most: from silence to full in 0.2 s


class Limiter:
    """One stream's gain; blocks have a multiple of 120 samples. Without look-ahead, so without delay.

    Within a step of 2.5 ms the gain is at most what that step's peak allows, and moves in a straight line to that of
    the next; a sudden peak turns it down at once.
    """

    def __init__(self) -> None:
        self._gain = 1.0
        self.limited = 0

    def process(self, samples: npt.NDArray[np.int32]) -> Int16:
        """(n, channels) of any loudness as (n, channels) int16; ``limited`` counts the blocks that were turned down."""
        if len(samples) % STEP:
            raise ValueError(f"a block has a multiple of {STEP} samples, not {len(samples)}")
        peaks = np.abs(samples).reshape(len(samples) // STEP, -1).max(axis=1)
        allowed = np.minimum(1.0, CEILING / np.maximum(peaks, 1))
        if self._gain >= 1.0 and allowed.min() >= 1.0:
            quiet: Int16 = samples.astype(np.int16)
            return quiet
        self.limited += 1
        gains = np.repeat(1.0, len(samples))
        for first, (here, next_) in enumerate(zip(allowed, [*allowed[1:], 1.0], strict=True)):
            begin = min(self._gain, here)
            self._gain = min(begin + RELEASE, here, next_)
            gains[first * STEP : (first + 1) * STEP] = np.linspace(begin, self._gain, STEP, endpoint=False)
        loud: Int16 = np.rint(samples * gains[:, None]).astype(np.int16)
        return loud
