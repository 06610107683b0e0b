"""Which segment and which frequency a pixel shows."""

from __future__ import annotations

import numpy as np
import pytest
from support.plotted import moment, noise

from smallrtc_lab.plots.grid import GridRows
from smallrtc_lab.plots.raster import Raster
from smallrtc_lab.plots.spectra import hop_of, segment_powers

RATE = 48000


def rows(nperseg: int, overlap: float) -> GridRows:
    found = segment_powers(nperseg, overlap, "hann", 4000, None)
    sound = noise(2.0)
    found.update(sound, moment(sound))
    return found


@pytest.mark.parametrize(("nperseg", "overlap"), [(64, 0.0), (1024, 0.5), (8192, 0.5), (2048, 0.9)])
def test_each_column_of_pixels_shows_what_lies_in_it(nperseg: int, overlap: float) -> None:
    """No segment is left out between two columns, and none is shown further from its place than one column or hop."""
    grid = rows(nperseg, overlap)
    raster = Raster(500, 200, 1.0 * RATE, 8000, RATE / nperseg)
    stop = raster.stop(grid)
    starts = raster.first_segments(grid, stop - 500, stop + 1)
    assert (np.diff(starts) >= 0).all()
    assert np.diff(starts).max() <= np.ceil(raster.pitch / hop_of(nperseg, overlap))
    middles = (np.arange(stop - 500, stop) + 0.5) * raster.pitch
    away = np.abs(np.array([grid.centre(start) for start in starts[:-1]]) - middles)
    assert away.max() <= raster.pitch + grid.hop
    assert starts[-2] < grid.stop


def test_a_column_is_shown_when_all_of_it_is_there() -> None:
    """The last column ends at the last segment's end or before, and less than a column before it."""
    grid = rows(256, 0.5)
    raster = Raster(500, 200, 1.0 * RATE, 8000, RATE / 256)
    end = grid.centre(grid.stop - 1) + grid.hop / 2
    assert end - raster.pitch < raster.stop(grid) * raster.pitch <= end


@pytest.mark.parametrize("nperseg", [64, 1024, 32768])
def test_each_row_of_pixels_shows_its_frequencies(nperseg: int) -> None:
    """Rows lie over the frequencies evenly, the lowest shows 0 Hz, and none shows one beyond the highest."""
    step_hz = RATE / nperseg
    raster = Raster(500, 200, RATE, 8000, step_hz)
    first = raster.first_bins()
    assert first[0] == 0
    assert (np.diff(first) >= 0).all()
    assert first[-1] < raster.bins()
    assert (raster.bins() - 1) * step_hz <= 8000 < raster.bins() * step_hz
    edges_hz = np.arange(200) * 40.0
    assert np.abs(first * step_hz - edges_hz).max() <= step_hz
