"""The waveform: the samples themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support.plotted import RATE, moment, noise, tone

from smallrtc_lab.plots.drawing import Drawing, Moment
from smallrtc_lab.plots.making import make_drawing, make_figure


def waveform(**options: Any) -> Drawing:
    drawing = make_drawing("waveform", options)
    drawing.resize(600, 240)
    return drawing


def test_the_arrays_are_the_samples() -> None:
    """The array has the newest samples, the mean of the channels or one of them, with their session times."""
    sound = noise(1.0)
    for channel in (None, 1):
        drawing = waveform(seconds=0.1, channel=channel, trigger=False)
        drawing.draw(sound, moment(sound, 30000))
        shown = drawing.arrays()
        newest = sound.samples[25200:30000]
        np.testing.assert_allclose(
            shown["samples"], newest.mean(axis=1) if channel is None else newest[:, 1], atol=1e-7
        )
        np.testing.assert_allclose(shown["times_s"], 100 + np.arange(25200, 30000) / RATE)


def test_a_steady_tone_stands_still() -> None:
    """Pictures of a tone that goes on all begin where it rises through zero; what is shown are still its samples."""
    sound = tone(700, 0.3)
    drawing = waveform(seconds=0.05)
    pictures = []
    for end in range(20000, 40000, 1607):
        pixels = drawing.draw(sound, moment(sound, end))
        assert pixels is not None
        pictures.append(pixels.copy())
        shown = drawing.arrays()
        first = round(shown["times_s"][0] * RATE)
        np.testing.assert_array_equal(shown["samples"], sound.samples[first : first + 2400, 0])
        assert 0 <= end - (first + 2400) <= 960
        assert 0 <= shown["samples"][0] < shown["samples"][5]
    changed = [(one != pictures[0]).any(axis=2).mean() for one in pictures]
    running = waveform(seconds=0.05, trigger=False)
    before = running.draw(sound, moment(sound, 20000)).copy()  # type: ignore[union-attr]
    after = running.draw(sound, moment(sound, 20000 + 34))
    assert max(changed) < (before != after).any(axis=2).mean() / 2


def test_noise_and_gaps_are_triggered_or_not() -> None:
    """Sound that never rises through zero, or is missing where that is looked for, runs through to the newest."""
    silent = tone(100, 0.0)
    gap = noise(1.0, gaps=[(21000, 100)])
    for sound, end in ((silent, 30000), (gap, 24000)):
        drawing = waveform(seconds=0.05)
        drawing.draw(sound, moment(sound, end))
        assert drawing.arrays()["times_s"][-1] == pytest.approx(sound.time_s(end - 1))


def test_a_gap_is_nan_and_hatched() -> None:
    """What is missing is NaN in the array and striped in the picture; sound that has just begun is simply short."""
    sound = noise(0.08, gaps=[(2000, 480)])
    drawing = waveform(seconds=0.1, ylim=(-1, 1))
    pixels = drawing.draw(sound, moment(sound))
    whole = waveform(seconds=0.1, ylim=(-1, 1)).draw(noise(0.08), moment(sound))
    samples = drawing.arrays()["samples"]
    assert len(samples) == 3840
    assert np.flatnonzero(np.isnan(samples)).tolist() == list(range(2000, 2480))
    assert pixels is not None
    assert whole is not None
    columns = np.flatnonzero((pixels[16:40] != whole[16:40]).any(axis=(0, 2)))
    width = 600 - 66 - 16
    assert columns.min() == pytest.approx(66 + (0.02 + 2000 / RATE) / 0.1 * width, abs=2)
    assert columns.max() == pytest.approx(66 + (0.02 + 2480 / RATE) / 0.1 * width, abs=2)


def test_the_axis_follows_the_sound() -> None:
    """The axis grows at once with a loud sound and waits before it shrinks; ``ylim`` fixes it."""
    loud, quiet = tone(1000, 0.9, 10), tone(1000, 0.03, 10)
    drawing = waveform()
    limits = []
    for sound, end in ((quiet, 4800), (loud, 9600), (quiet, 14400), (quiet, 480000)):
        drawing.draw(sound, moment(sound, end))
        limits.append(drawing.stage.figure.axes[0].get_ylim()[1])  # type: ignore[attr-defined]
    assert limits == [0.05, 1.0, 1.0, 0.05]
    fixed = waveform(ylim=(-0.5, 0.25))
    fixed.draw(loud, moment(loud))
    assert fixed.stage.figure.axes[0].get_ylim() == (-0.5, 0.25)  # type: ignore[attr-defined]


def test_many_samples_keep_their_extremes() -> None:
    """Where a pixel has hundreds of samples, a single one that stands out is still seen."""
    sound = tone(100, 0.0, 5)
    sound.samples[100000] = 0.9
    drawing = waveform(seconds=4, ylim=(-1, 1))
    pixels = drawing.draw(sound, moment(sound))
    without = waveform(seconds=4, ylim=(-1, 1)).draw(tone(100, 0.0, 5), moment(sound))
    assert pixels is not None
    assert without is not None
    rows, columns = np.nonzero((pixels != without).any(axis=2))
    assert len(columns)
    assert columns.mean() == pytest.approx(66 + (100000 / RATE - 1) / 4 * (600 - 66 - 16), abs=3)
    assert rows.min() == pytest.approx(14 + 0.05 * (240 - 14 - 44), abs=3)


def test_the_value_under_the_mouse_is_the_arrays() -> None:
    """The reading is a sample of the array, at its time."""
    sound = noise(1.0)
    drawing = waveform()
    drawing.draw(sound, moment(sound))
    shown = drawing.arrays()
    reading = drawing.value_at(300, 100)
    assert reading is not None
    index = int(np.flatnonzero(shown["times_s"] == reading.x)[0])
    assert reading.value == shown["samples"][index]
    assert index == pytest.approx(2400 * (300 - 66) / (600 - 66 - 16), abs=3)
    assert drawing.value_at(300, 239) is None


def test_nothing_new_is_no_picture() -> None:
    """Without new samples there is no new picture, and without sound an empty one, once."""
    sound = noise(1.0)
    drawing = waveform()
    assert drawing.draw(None, Moment(0.0)) is not None
    assert drawing.draw(None, Moment(0.0)) is None
    assert drawing.draw(sound, moment(sound)) is not None
    assert drawing.draw(sound, moment(sound)) is None


def test_the_figure_shows_the_arrays() -> None:
    """The figure's line is the array, in seconds before the newest sample."""
    sound = noise(1.0, gaps=[(46000, 300)])
    drawing = waveform()
    drawing.draw(sound, moment(sound))
    shown = drawing.arrays()
    figure = make_figure("waveform", {"title": "My voice"}, shown)
    line = figure.axes[0].lines[0]
    np.testing.assert_array_equal(line.get_ydata(), shown["samples"])
    np.testing.assert_allclose(line.get_xdata(), shown["times_s"] - shown["times_s"][-1], atol=1e-9)
    assert figure.texts[0].get_text() == "My voice"
    assert figure.axes[0].get_xlabel() == "Time (ms)"
