"""Sound of any block length as blocks of 20 ms, which is what a packet holds."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

import av
import numpy as np
import numpy.typing as npt

from smallrtc_lab.media.resample import from_av

__all__ = ["BLOCK", "SoundBlock", "SoundBlocks"]

BLOCK = 960  # samples: 20 ms at 48 kHz
_RATE_HZ = 48_000
_TIME_BASE = Fraction(1, _RATE_HZ)


class SoundBlock(NamedTuple):
    """``samples`` is (960, 2) int16 at 48 kHz; ``pts`` in ``time_base`` is that of the first."""

    pts: int
    samples: npt.NDArray[np.int16]
    time_base: Fraction = _TIME_BASE


class SoundBlocks:
    """Cuts frames of 48 kHz stereo s16. Those of 20 ms, which most are, pass as they come."""

    def __init__(self) -> None:
        self._rest = np.empty((0, 2), np.int16)
        self._pts = 0  # of the rest's first sample

    def cut(self, frame: av.AudioFrame) -> list[SoundBlock]:
        """The blocks that are full now. Behind a pause of more than a block the rest before it ends in silence."""
        samples, pts = from_av(frame), frame.pts or 0
        blocks: list[SoundBlock] = []
        if len(self._rest) and abs(pts - self._pts - len(self._rest)) > BLOCK:
            blocks.append(SoundBlock(self._pts, np.pad(self._rest, ((0, BLOCK - len(self._rest)), (0, 0)))))
            self._rest = self._rest[:0]
        if not len(self._rest):
            self._pts = pts
        waiting = np.concatenate((self._rest, samples)) if len(self._rest) else samples
        full = len(waiting) // BLOCK
        for number in range(full):
            begin = number * BLOCK
            blocks.append(SoundBlock(self._pts + begin, waiting[begin : begin + BLOCK]))
        self._rest = waiting[full * BLOCK :]
        self._pts += full * BLOCK
        return blocks
