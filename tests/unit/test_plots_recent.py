"""The newest samples as one array."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from support.plotted import RATE, moment, noise

from smallrtc_lab.plots.drawing import Moment
from smallrtc_lab.plots.recent import Recent
from smallrtc_lab.plots.spectra import mixed


def test_step_by_step_is_the_same_as_at_once() -> None:
    """However the sound came, the array is what reading it at once would give, gaps included."""
    sound = noise(2.0, gaps=[(30000, 500)])
    recent = Recent(9000, None)
    expected = mixed(sound.samples, None)
    expected[30000:30500] = np.nan
    for end in [10, 500, 500, *range(2000, 96000, 1777), 96000]:
        recent.update(sound, moment(sound, end))
        assert (recent.first, recent.end) == (max(0, end - 9000), end)
        np.testing.assert_array_equal(
            recent.samples(recent.first, end), expected[recent.first : end].astype(np.float32)
        )


def test_late_samples_mend_a_gap() -> None:
    """What was missing is read once more while it may still come."""
    whole = noise(1.0)
    recent = Recent(20000, 0)
    recent.update(noise(1.0, gaps=[(9000, 50)]), moment(whole, 10000))
    assert np.isnan(recent.samples(9000, 9050)).all()
    recent.update(whole, moment(whole, 10500))
    np.testing.assert_array_equal(recent.samples(0, 10500), whole.samples[:10500, 0])


def test_a_jump_begins_anew() -> None:
    """After a pause longer than the array, and going back, only what is there now is held."""
    sound = noise(1.0)
    recent = Recent(5000, 0)
    recent.update(sound, moment(sound, 40000))
    recent.update(replace(sound, start=90000), Moment(3.0, 92000))
    assert (recent.first, recent.end) == (90000, 92000)
    np.testing.assert_array_equal(recent.samples(90000, 92000), sound.samples[:2000, 0])
    recent.update(sound, moment(sound, RATE // 2))
    assert (recent.first, recent.end) == (RATE // 2 - 5000, RATE // 2)
