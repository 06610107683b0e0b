"""Sound and pictures that stay as they are."""

from __future__ import annotations

import numpy as np
import pytest
from support.plotted import RATE, gradient, moment, noise

from smallrtc_lab.plots.still import StillSound, still


def test_what_is_outside_is_zero_and_missing() -> None:
    """Reading beyond either end gives zeros and says where; a gap inside is named, too."""
    sound = StillSound(np.ones((100, 2), np.float32), RATE, 1000, 5.0, ((1040, 10),))
    samples, missing = sound.read(990, 130)
    assert samples.shape == (130, 2)
    assert samples[:10].sum() == samples[110:].sum() == 0
    assert samples[10:110].all()
    assert list(missing) == [(990, 10), (1040, 10), (1100, 20)]
    assert list(sound.read(0, 50)[1]) == [(0, 50)]
    assert sound.time_s(1100) == pytest.approx(5.0 + 100 / RATE)


def test_a_still_is_the_ring_of_that_moment() -> None:
    """A still holds the last seconds before a moment, with their times and gaps, and no more than there is."""
    sound = noise(2.0, gaps=[(50000, 100)])
    found = still(sound, moment(sound, 60000), 0.5)
    assert (found.start, found.end, found.sample_rate) == (36000, 60000, RATE)
    np.testing.assert_array_equal(found.samples, sound.samples[36000:60000])
    assert list(found.gaps) == [(50000, 100)]
    assert found.time_s(50000) == pytest.approx(sound.time_s(50000))
    assert still(sound, moment(sound), 99.0).start == 0


def test_a_shot_is_scaled_where_it_is_asked_for() -> None:
    """A picture in its own size is itself, in another it is scaled to exactly that."""
    shot = gradient(64, 48)
    assert (shot.width, shot.height) == (64, 48)
    assert shot.rgb(64, 48) is shot.image
    assert shot.rgb(32, 20).shape == (20, 32, 3)
