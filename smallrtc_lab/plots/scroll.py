"""The pixels of a spectrogram: only columns that are new are coloured, the rest stays where it is in a ring."""

from __future__ import annotations

import numpy as np

from .drawing import Pixels
from .grid import GridRows, runs
from .raster import Raster
from .spectra import decibels, pooled
from .stage import Area, Stage

__all__ = ["Scroll"]


class Scroll:
    """``raster.width`` columns of pixels, each at its absolute number modulo the width.

    ``table`` (256, 4) uint8 has the colours of the levels from ``low_db`` to ``high_db``; ``empty`` is the colour
    before the sound begins.
    """

    def __init__(self, raster: Raster, table: Pixels, low_db: float, high_db: float, empty: Pixels) -> None:
        self.raster = raster
        self.stop = 0
        self._table = table
        self._low_db = low_db
        self._per_db = 256 / (high_db - low_db)
        self._empty = empty
        self._bins = raster.first_bins()
        self._image: Pixels = np.empty((raster.height, raster.width, 4), np.uint8)
        self._missing = np.zeros(raster.width, np.bool_)
        self._drawn = False

    def follow(self, rows: GridRows, changed: int | None) -> None:
        """Colour what is new since last time, and from segment ``changed`` on."""
        stop = self.raster.stop(rows)
        first = stop - self.raster.width
        if self._drawn and stop >= self.stop:
            first = max(first, min(self.stop, self._column_of(rows, changed)))
        self.stop, self._drawn = stop, True
        if first < stop:
            self._colour(rows, first, stop)

    def paint(self, stage: Stage, area: Area) -> None:
        """Put the picture there, the newest column at the right."""
        split = self.stop % self.raster.width
        left, middle = area.left, area.left + self.raster.width - split
        lines = slice(area.top, area.bottom)
        stage.pixels[lines, left:middle] = self._image[:, split:]
        stage.pixels[lines, middle : area.right] = self._image[:, :split]
        for first, last in runs(np.roll(self._missing, -split)):
            stage.hatch(area, first, last)

    def _column_of(self, rows: GridRows, segment: int | None) -> int:
        """The first column of pixels that shows something of a segment."""
        if segment is None:
            return self.stop
        return int(np.floor((rows.centre(segment) - rows.hop / 2) / self.raster.pitch)) - 1

    def _colour(self, rows: GridRows, first: int, stop: int) -> None:
        starts = self.raster.first_segments(rows, first, stop + 1)
        powers = rows.rows(int(starts[0]), max(int(starts[-1]), int(starts[-2]) + 1))
        shown = pooled(powers[:, : self.raster.bins()], self._bins, axis=1)
        shown = pooled(shown, starts[:-1] - starts[0], axis=0)
        places = np.arange(first, stop) % self.raster.width
        missing = np.isnan(shown[:, 0])
        index = (decibels(np.nan_to_num(shown)) - self._low_db) * self._per_db
        colours = self._table[np.clip(index, 0, 255).astype(np.uint8)]
        colours[missing] = self._empty
        self._image[:, places] = colours.transpose(1, 0, 2)[::-1]
        self._missing[places] = missing & (starts[:-1] >= rows.first)
