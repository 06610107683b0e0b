"""Which column of a spectrogram, and which row, a pixel shows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .grid import GridRows

__all__ = ["Raster"]

Indices = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Raster:
    """``width`` × ``height`` pixels that show ``span`` samples and the frequencies from 0 to ``fmax_hz``.

    Columns of pixels lie on a grid of absolute positions, as segments do: what scrolls keeps its pixels. A segment
    fills the time of one hop around its middle, a frequency its step around it. A pixel shows the largest of what
    lies in it, so that nothing short or narrow is left out, or the one it lies in.
    """

    width: int
    height: int
    span: float
    fmax_hz: float
    step_hz: float

    @property
    def pitch(self) -> float:
        """Samples a pixel."""
        return self.span / self.width

    def first_segments(self, rows: GridRows, first: int, stop: int) -> Indices:
        """(stop − first,): where the segments of each column of pixels begin."""
        positions = np.arange(first, stop) * self.pitch
        return np.floor((positions - rows.length / 2) / rows.hop + 0.5).astype(np.intp)

    def stop(self, rows: GridRows) -> int:
        """The column of pixels behind the last one of which all segments are there."""
        return int(np.floor((rows.centre(rows.stop - 1) + rows.hop / 2) / self.pitch))

    def first_bins(self) -> Indices:
        """(height,): where the frequencies of each row of pixels begin, the lowest row first; none beyond the last."""
        edges = np.arange(self.height) * self.fmax_hz / self.height
        return np.minimum(np.floor(edges / self.step_hz + 0.5), self.bins() - 1).astype(np.intp)

    def bins(self) -> int:
        """How many frequencies are shown: those that do not lie above ``fmax_hz``."""
        return int(self.fmax_hz / self.step_hz + 1e-9) + 1
