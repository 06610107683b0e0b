"""Powers of segments."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal
from support.plotted import RATE, moment, noise

from smallrtc_lab.plots.spectra import decibels, hop_of, mixed, pooled, segment_powers


@pytest.mark.parametrize(("nperseg", "overlap"), [(16, 0.0), (101, 0.3), (1000, 0.95), (4096, 0.5)])
def test_powers_are_scipys(nperseg: int, overlap: float) -> None:
    """Each row is the column that scipy.signal.spectrogram has for that segment, for odd lengths, too."""
    sound = noise(0.5)
    rows = segment_powers(nperseg, overlap, "blackman", 100_000, 1)
    rows.update(sound, moment(sound))
    _, _, power = scipy.signal.spectrogram(
        sound.samples[:, 1].astype(np.float64),
        RATE,
        window="blackman",
        nperseg=nperseg,
        noverlap=nperseg - hop_of(nperseg, overlap),
        scaling="spectrum",
    )
    assert rows.stop == power.shape[1]
    np.testing.assert_allclose(rows.rows(0, rows.stop), power.T, rtol=1e-4, atol=1e-12)


def test_noverlap_is_a_rounded_share() -> None:
    """The hop is what noverlap = round(nperseg · overlap) leaves, and never nothing."""
    assert (hop_of(1024, 0.5), hop_of(101, 0.3), hop_of(16, 0.95)) == (512, 71, 1)


def test_channels() -> None:
    """The mean of all, one of them, the last where there are fewer."""
    samples = np.array([[0.2, 0.4], [1, 0]], np.float32)
    np.testing.assert_allclose(mixed(samples, None), [0.3, 0.5], atol=1e-7)
    np.testing.assert_allclose(mixed(samples, 0), [0.2, 1], atol=1e-7)
    np.testing.assert_allclose(mixed(samples, 7), [0.4, 0], atol=1e-7)


def test_decibels() -> None:
    """Half the squared amplitude of a full sine is 0 dB, nothing is finite, and what is missing stays so."""
    found = decibels(np.array([0.5, 0.005, 0.0, np.nan]))
    np.testing.assert_allclose(found[:3], [0, -20, -237], atol=0.02)
    assert np.isnan(found[3])


def test_pooled() -> None:
    """The largest of each stretch; NaN wins, so that nothing missing is hidden."""
    values = np.array([[1, 5, 2, np.nan, 4]], np.float32)
    found = pooled(values, np.array([0, 2, 2, 3, 4]), axis=1)
    np.testing.assert_array_equal(found, [[5, 2, 2, np.nan, 4]])
