"""The spectrum: Welch's average as SciPy has it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.signal
from support.plotted import RATE, moment, noise, tone

from smallrtc_lab.plots.drawing import Drawing
from smallrtc_lab.plots.making import make_drawing, make_figure

OPTIONS: dict[str, Any] = {
    "nperseg": 2048,
    "overlap": 0.5,
    "averages": 8,
    "window": ("kaiser", 9.0),
    "fmax_hz": None,
}


def spectrum(**options: Any) -> Drawing:
    drawing = make_drawing("spectrum", OPTIONS | options)
    drawing.resize(480, 280)
    return drawing


def test_the_arrays_are_scipys() -> None:
    """Level and frequencies equal scipy.signal.welch of exactly the samples that the array says."""
    sound = noise(2.0)
    drawing = spectrum()
    for end in range(5000, 90001, 1700):
        drawing.draw(sound, moment(sound, end))
    shown = drawing.arrays()
    first, last = (round((time_s - 100.0) * RATE) for time_s in shown["span_s"])
    hz, power = scipy.signal.welch(
        sound.samples[first : last + 1].mean(axis=1, dtype=np.float64),
        RATE,
        window=("kaiser", 9.0),
        nperseg=2048,
        noverlap=1024,
        scaling="spectrum",
    )
    assert last + 1 - first == 2048 + 7 * 1024
    np.testing.assert_allclose(shown["frequencies_hz"], hz)
    np.testing.assert_allclose(shown["level_db"][1:], 10 * np.log10(2 * power[1:]), atol=1e-3)


def test_a_full_sine_has_0_db_in_each_window() -> None:
    """A sine at full scale on one of the frequencies reads 0 dB, whatever the window."""
    sound = tone(3000)
    for window in ("hann", "boxcar", "flattop", "blackmanharris"):
        drawing = spectrum(window=window)
        drawing.draw(sound, moment(sound))
        shown = drawing.arrays()
        assert shown["level_db"].max() == pytest.approx(0, abs=0.01)
        assert shown["frequencies_hz"][shown["level_db"].argmax()] == 3000


def test_one_channel_can_be_chosen() -> None:
    """``channel`` shows one of them, and the last where there are fewer."""
    sound = noise(0.5)
    sound.samples[:, 1] = 0
    levels = {}
    for channel in (None, 0, 1, 5):
        drawing = spectrum(channel=channel)
        drawing.draw(sound, moment(sound))
        levels[channel] = drawing.arrays()["level_db"]
    np.testing.assert_allclose(levels[0][1:] - levels[None][1:], 6.02, atol=0.01)
    assert levels[1].max() == pytest.approx(-237, abs=0.1)
    np.testing.assert_array_equal(levels[1], levels[5])


def test_segments_with_a_gap_are_left_out() -> None:
    """A gap takes the segments it touches out of the average, and the average of none is NaN and seen as such."""
    sound = noise(1.0, gaps=[(20000, 100)])
    drawing = spectrum()
    drawing.draw(sound, moment(sound, 24000))
    first = round((drawing.arrays()["span_s"][0] - 100.0) * RATE)
    kept = [k for k in range(first, 24000 - 2047, 1024) if not (k < 20100 and k + 2048 > 20000)]
    mono = sound.samples.mean(axis=1, dtype=np.float64)
    powers = [
        scipy.signal.periodogram(mono[k : k + 2048], RATE, ("kaiser", 9.0), scaling="spectrum")[1]
        for k in kept
    ]
    expected = 10 * np.log10(2 * np.mean(powers, axis=0))
    assert 0 < len(kept) < 8
    np.testing.assert_allclose(drawing.arrays()["level_db"][1:], expected[1:], atol=1e-3)
    single = spectrum(averages=1)
    hatched = single.draw(sound, moment(sound, 20480))
    assert np.isnan(single.arrays()["level_db"]).all()
    assert hatched is not None
    assert len(np.unique(hatched[100, 100:400], axis=0)) > 1
    reading = single.value_at(200, 100)
    assert reading is not None
    assert "missing" in reading.text


def test_the_value_under_the_mouse_is_the_arrays() -> None:
    """The reading is the element of the array whose frequency is nearest."""
    sound = noise(1.0)
    drawing = spectrum(fmax_hz=6000)
    drawing.draw(sound, moment(sound))
    shown = drawing.arrays()
    assert shown["frequencies_hz"][-1] <= 6000
    reading = drawing.value_at(66 + (480 - 66 - 16) / 2, 100)
    assert reading is not None
    assert reading.x == pytest.approx(3000, abs=RATE / 2048)
    assert reading.value == shown["level_db"][np.flatnonzero(shown["frequencies_hz"] == reading.x)[0]]
    assert drawing.value_at(10, 10) is None


def test_the_figure_shows_the_arrays() -> None:
    """The line of the figure is the array, over the same axis."""
    sound = noise(1.0)
    drawing = spectrum()
    drawing.draw(sound, moment(sound))
    shown = drawing.arrays()
    axes = make_figure("spectrum", OPTIONS, shown).axes[0]
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), shown["level_db"])
    np.testing.assert_allclose(axes.lines[0].get_xdata(), shown["frequencies_hz"])
    assert axes.get_xlim() == (0, 24000)
