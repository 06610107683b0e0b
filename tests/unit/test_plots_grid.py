"""Segments on a grid of absolute positions: what scrolls is what is computed afresh."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from support.plotted import RATE, moment, noise

from smallrtc_lab.plots.drawing import Float32, Moment
from smallrtc_lab.plots.grid import GridRows, runs
from smallrtc_lab.plots.spectra import segment_powers
from smallrtc_lab.plots.still import StillSound


def powers(capacity: int = 40) -> GridRows:
    return segment_powers(1024, 0.5, "hann", capacity, None)


def sums(samples: Float32) -> npt.NDArray[np.float64]:
    return np.asarray(samples.reshape(-1, 100, samples.shape[1]).sum(axis=(1, 2)))[:, None].astype(np.float64)


def test_step_by_step_is_the_same_as_at_once() -> None:
    """Segments that were computed while sound came, in steps of any size, equal those computed afresh at the end."""
    sound = noise(2.0, gaps=[(30000, 2000)])
    scrolled, fresh = powers(), powers()
    for end in [*range(700, 60000, 1601), 60001, 60001, 96000]:
        scrolled.update(sound, moment(sound, end))
    fresh.update(sound, moment(sound))
    assert (scrolled.first, scrolled.stop) == (fresh.first, fresh.stop)
    span = (fresh.first, fresh.stop)
    np.testing.assert_array_equal(scrolled.rows(*span), fresh.rows(*span))
    np.testing.assert_allclose(scrolled.times_s(*span), fresh.times_s(*span), rtol=0, atol=1e-9)


def test_update_says_what_is_new() -> None:
    """An update returns the first segment that is new, and None when there is none."""
    sound = noise(1.0)
    rows = GridRows(100, 100, 50, 1, sums)
    assert rows.update(sound, moment(sound, 99)) is None
    assert rows.update(sound, moment(sound, 1000)) == 0
    assert rows.update(sound, moment(sound, 1050)) is None
    assert rows.update(sound, moment(sound, 1100)) == 10
    assert (rows.first, rows.stop) == (0, 11)


def test_a_segment_over_a_gap_is_missing() -> None:
    """Each segment of which a sample is missing is NaN, and no other."""
    sound = noise(1.0, gaps=[(1050, 60)])
    rows = GridRows(100, 100, 50, 1, sums)
    rows.update(sound, moment(sound, 2000))
    assert np.flatnonzero(np.isnan(rows.rows(0, 20)[:, 0])).tolist() == [10, 11]


def test_late_samples_mend_a_gap() -> None:
    """A gap that is filled by packets that come late is computed again, and said to have changed."""
    whole = noise(1.0)
    rows = GridRows(100, 100, 50, 1, sums)
    rows.update(noise(1.0, gaps=[(1050, 60)]), moment(whole, 2000))
    assert rows.update(whole, moment(whole, 2000)) == 10
    assert not np.isnan(rows.rows(0, 20)).any()


def test_what_a_ring_has_forgotten_stays() -> None:
    """Segments whose samples have left the ring since are held as long as there is room."""
    sound = noise(1.0)
    rows = GridRows(100, 100, 50, 1, sums)
    rows.update(sound, moment(sound, 2000))
    later = StillSound(sound.samples[1500:], RATE, 1500, sound.time_s(1500))
    rows.update(later, moment(later, 2500))
    assert (rows.first, rows.stop) == (0, 25)
    assert not np.isnan(rows.rows(0, 25)).any()


def test_a_jump_over_everything_begins_anew() -> None:
    """After a pause longer than the ring nothing old is shown beside what is new; going back does likewise."""
    sound = noise(1.0)
    rows = GridRows(100, 100, 50, 1, sums)
    rows.update(sound, moment(sound, 2000))
    later = replace(sound, start=90000)
    rows.update(later, Moment(102.0, 92000))
    assert (rows.first, rows.stop) == (900, 920)
    rows.update(sound, moment(sound, 1000))
    assert (rows.first, rows.stop) == (0, 10)


def test_a_ring_that_begins_late() -> None:
    """No segment begins before the oldest sample that is kept."""
    sound = noise(0.1, start=1030)
    rows = GridRows(100, 100, 50, 1, sums)
    rows.update(sound, moment(sound, 2000))
    assert (rows.first, rows.stop) == (11, 20)


def test_runs() -> None:
    """Runs of True are found where they begin and end."""
    cases: Sequence[tuple[list[bool], list[tuple[int, int]]]] = [
        ([], []),
        ([True], [(0, 1)]),
        ([False, True, True, False, True], [(1, 3), (4, 5)]),
    ]
    for flags, found in cases:
        assert runs(np.array(flags, np.bool_)) == found
