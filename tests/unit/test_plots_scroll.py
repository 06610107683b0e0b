"""The pixels of a spectrogram, column by column."""

from __future__ import annotations

import numpy as np
from support.plotted import RATE, moment, noise

from smallrtc_lab.plots.look import LIGHT, colour_table
from smallrtc_lab.plots.raster import Raster
from smallrtc_lab.plots.scroll import Scroll
from smallrtc_lab.plots.spectra import segment_powers
from smallrtc_lab.plots.stage import Area, Size, Stage, rgbx

AREA = Area(20, 10, 320, 110)
EMPTY = rgbx("#123456")


def scroll() -> Scroll:
    return Scroll(Raster(300, 100, 1.0 * RATE, 8000, RATE / 512), colour_table("magma"), -100, 0, EMPTY)


def painted(one: Scroll) -> np.ndarray:
    stage = Stage(Size(340, 120), LIGHT)
    stage.keep()
    one.paint(stage, AREA)
    return stage.pixels[AREA.slices].copy()


def test_late_samples_mend_the_picture() -> None:
    """A gap that is filled later disappears from columns that were drawn long before."""
    rows, whole = segment_powers(512, 0.5, "hann", 200, None), segment_powers(512, 0.5, "hann", 200, None)
    gap, sound = noise(2.0, gaps=[(40000, 3000)]), noise(2.0)
    one, fresh = scroll(), scroll()
    one.follow(rows, rows.update(gap, moment(sound, 60000)))
    hatched = painted(one)
    one.follow(rows, rows.update(sound, moment(sound, 61000)))
    fresh.follow(whole, whole.update(sound, moment(sound, 61000)))
    np.testing.assert_array_equal(painted(one), painted(fresh))
    assert {tuple(c) for c in np.unique(hatched.reshape(-1, 4), axis=0)} >= {tuple(rgbx(LIGHT.missing))}


def test_what_was_before_the_sound_is_empty() -> None:
    """Columns before the first sample have the colour of nothing, and are not hatched."""
    rows, sound = segment_powers(512, 0.5, "hann", 200, None), noise(0.5)
    one = scroll()
    one.follow(rows, rows.update(sound, moment(sound)))
    pixels = painted(one)
    assert (pixels[:, :148] == EMPTY).all()
    assert not (pixels[:, 156:] == EMPTY).all(axis=2).any()


def test_going_back_draws_everything_anew() -> None:
    """A moment before the last one, as of a replay, shows what was then and nothing of later."""
    rows, fresh_rows = (segment_powers(512, 0.5, "hann", 200, None) for _ in range(2))
    sound = noise(2.0)
    one, fresh = scroll(), scroll()
    for end in (90000, 60000):
        one.follow(rows, rows.update(sound, moment(sound, end)))
    fresh.follow(fresh_rows, fresh_rows.update(sound, moment(sound, 60000)))
    np.testing.assert_array_equal(painted(one), painted(fresh))
