"""The spectrogram: SciPy's answer, scrolled."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.signal
from support.plotted import RATE, moment, noise, tone

from smallrtc_lab.plots.drawing import Drawing, Moment
from smallrtc_lab.plots.look import colour_table
from smallrtc_lab.plots.making import make_drawing, make_figure
from smallrtc_lab.plots.still import StillSound

OPTIONS: dict[str, Any] = {
    "seconds": 1.0,
    "nperseg": 512,
    "overlap": 0.75,
    "window": "hamming",
    "fmax_hz": None,
}


def spectrogram(**options: Any) -> Drawing:
    drawing = make_drawing("spectrogram", OPTIONS | options)
    drawing.resize(400, 240)
    return drawing


def test_the_arrays_are_scipys() -> None:
    """Times, frequencies and levels equal scipy.signal.spectrogram of the same samples, in dB of a full sine."""
    sound = noise(2.0)
    drawing = spectrogram()
    drawing.draw(sound, moment(sound, 90000))
    shown = drawing.arrays()
    first = round((shown["times_s"][0] - 100.0) * RATE - 256)
    hz, times_s, power = scipy.signal.spectrogram(
        sound.samples[first:90000].mean(axis=1, dtype=np.float64),
        RATE,
        window="hamming",
        nperseg=512,
        noverlap=384,
        scaling="spectrum",
    )
    assert first % 128 == 0
    np.testing.assert_allclose(shown["frequencies_hz"], hz)
    np.testing.assert_allclose(shown["times_s"], 100.0 + first / RATE + times_s, atol=1e-9)
    np.testing.assert_allclose(shown["level_db"][1:], 10 * np.log10(2 * power[1:]), atol=1e-3)
    assert shown["level_db"].shape == (257, 375)  # one second of hops


def test_a_full_sine_has_0_db() -> None:
    """A sine of amplitude 1 on a frequency of the grid reads 0 dB there, and half of it 6 dB less."""
    for amplitude, level_db in ((1.0, 0.0), (0.5, -6.02)):
        sound = tone(3000, amplitude)
        drawing = spectrogram()
        drawing.draw(sound, moment(sound))
        assert drawing.arrays()["level_db"][32].max() == pytest.approx(level_db, abs=0.01)


@pytest.mark.parametrize(
    ("ratio", "options"), [(1.0, {}), (2.0, {"overlap": 0.0, "fmax_hz": 900.0}), (1.5, {"nperseg": 64})]
)
def test_scrolled_pixels_are_those_of_a_fresh_draw(ratio: float, options: dict[str, Any]) -> None:
    """A picture that scrolled to a moment is, pixel for pixel, the one that is drawn there afresh."""
    sound = noise(3.0, gaps=[(80000, 3000)])
    scrolled, fresh = spectrogram(**options), spectrogram(**options)
    scrolled.resize(400, 240, ratio)
    fresh.resize(400, 240, ratio)
    for end in [40000, 41000, *range(52000, 130000, 1733), 130000]:
        scrolled.draw(sound, moment(sound, end))
    pixels = fresh.draw(sound, moment(sound, 130000))
    scrolled.set({})
    scrolled_pixels = scrolled.draw(sound, moment(sound, 130000))
    assert pixels is not None
    assert scrolled_pixels is not None
    np.testing.assert_array_equal(scrolled_pixels, pixels)
    np.testing.assert_array_equal(scrolled.arrays()["level_db"], fresh.arrays()["level_db"])


def test_scrolling_without_a_new_background() -> None:
    """The same, with the scrolled picture itself: it was never drawn afresh after its first."""
    sound = noise(3.0, gaps=[(80000, 3000)])
    scrolled, fresh = spectrogram(), spectrogram()
    ends = [40000, 41000, *range(52000, 130000, 1733)]
    pictures = [scrolled.draw(sound, moment(sound, end)) for end in ends]
    pixels = fresh.draw(sound, moment(sound, ends[-1]))
    assert pictures[-1] is not None
    assert pixels is not None
    np.testing.assert_array_equal(pictures[-1], pixels)


def test_a_gap_is_seen() -> None:
    """Where samples are missing the array is NaN and the picture hatched; what was before the sound is neither."""
    sound = noise(0.5, gaps=[(12000, 4000)])
    drawing = spectrogram()
    with_gap = drawing.draw(sound, moment(sound))
    whole = spectrogram().draw(noise(0.5), moment(sound))
    level = drawing.arrays()["level_db"]
    times = drawing.arrays()["times_s"] - 100.0
    lacking = np.isnan(level).all(axis=0)
    touched = (times + 256 / RATE > 12000 / RATE) & (times - 256 / RATE < 16000 / RATE)
    np.testing.assert_array_equal(lacking, touched)
    assert np.isnan(level).any(axis=0).sum() == lacking.sum()
    assert with_gap is not None
    assert whole is not None
    assert (with_gap != whole).any()
    row = with_gap[120, :, :3].astype(int)
    columns = np.flatnonzero((row != whole[120, :, :3]).any(axis=1))
    assert len(columns) == pytest.approx(4000 / RATE * (400 - 58 - 78), abs=8)


def test_a_tone_is_a_line_where_it_belongs() -> None:
    """The brightest row of the picture is at the tone's frequency on the axis, at every ratio."""
    sound = tone(2000, 0.5)
    for ratio in (1.0, 1.5, 2.0, 3.0):
        drawing = make_drawing("spectrogram", {"nperseg": 2048, "fmax_hz": 8000, "cmap": "gray"})
        drawing.resize(640, 320, ratio)
        pixels = drawing.draw(sound, moment(sound))
        assert pixels is not None
        assert pixels.shape == (round(320 * ratio), round(640 * ratio), 4)
        inside = pixels[round(14 * ratio) : round((320 - 44) * ratio), round(400 * ratio), 0]
        middle = np.flatnonzero(inside == inside.max()).mean() + 0.5
        hz = 8000 * (1 - middle / len(inside))
        assert hz == pytest.approx(2000, abs=30)


def test_the_value_under_the_mouse_is_the_arrays() -> None:
    """At any pixel the reading is an element of the array, at its time and frequency, and has the pixel's colour."""
    sound = noise(2.0)
    drawing = spectrogram(range_db=(-90, -10), overlap=0.9, nperseg=2048)
    pixels = drawing.draw(sound, moment(sound))
    assert pixels is not None
    shown = drawing.arrays()
    table = colour_table("magma")
    for x, y in ((70, 30), (200, 100), (310, 190), (301, 40)):
        reading = drawing.value_at(x, y)
        assert reading is not None
        column = int(np.argmin(np.abs(shown["times_s"] - reading.x)))
        row = int(np.argmin(np.abs(shown["frequencies_hz"] - reading.y)))
        assert (shown["times_s"][column], shown["frequencies_hz"][row]) == (reading.x, reading.y)
        assert reading.value == shown["level_db"][row, column]
        index = int(np.clip((reading.value + 90) * 256 / 80, 0, 255))
        np.testing.assert_array_equal(pixels[y, x], table[index])
        assert f"{reading.x:.3f} s" in reading.text
    assert drawing.value_at(20, 20) is None
    assert drawing.value_at(200, 239) is None


def test_nothing_new_is_no_picture() -> None:
    """A draw of the same samples gives None, as does one without sound, but for the first."""
    sound = noise(1.0)
    drawing = spectrogram()
    assert drawing.draw(None, Moment(0.0)) is not None
    assert drawing.arrays() == {}
    assert drawing.draw(None, Moment(0.0)) is None
    assert drawing.draw(sound, moment(sound, 20000)) is not None
    assert drawing.draw(sound, moment(sound, 20000)) is None
    assert drawing.draw(sound, moment(sound, 20010)) is None  # no segment more
    assert drawing.draw(sound, moment(sound, 21000)) is not None


def test_options_take_effect_at_the_next_draw() -> None:
    """What only the picture depends on keeps the arrays; another segment length computes them anew."""
    sound = noise(1.0)
    drawing = spectrogram()
    drawing.draw(sound, moment(sound))
    before = drawing.arrays()["level_db"]
    drawing.set({"cmap": "viridis", "fmax_hz": 4000})
    assert drawing.draw(sound, moment(sound)) is not None
    shown = drawing.arrays()
    assert shown["frequencies_hz"][-1] <= 4000
    np.testing.assert_array_equal(shown["level_db"], before[: len(shown["frequencies_hz"])])
    drawing.set({"nperseg": 256})
    drawing.draw(sound, moment(sound))
    assert drawing.arrays()["frequencies_hz"][1] == RATE / 256


def test_another_sample_rate() -> None:
    """Sound of another rate, as after a replay, is shown on its own axis."""
    sound = noise(1.0)
    drawing = spectrogram()
    drawing.draw(sound, moment(sound))
    slow = StillSound(sound.samples, 16000)
    assert drawing.draw(slow, Moment(3.0, 40000)) is not None
    assert drawing.arrays()["frequencies_hz"][-1] == 8000


def test_the_figure_shows_the_arrays() -> None:
    """The figure made of the arrays holds them as its image, over their times and frequencies."""
    sound = noise(2.0, gaps=[(60000, 5000)])
    drawing = spectrogram()
    drawing.draw(sound, moment(sound))
    shown = drawing.arrays()
    figure = make_figure("spectrogram", OPTIONS, shown, [{"y_hz": 440, "label": "a"}])
    (image,) = figure.axes[0].get_images()
    np.testing.assert_array_equal(np.asarray(image.get_array().filled(np.nan)), shown["level_db"])
    left, right, bottom, top = image.get_extent()
    assert (right, bottom) == (pytest.approx(0, abs=1e-6), pytest.approx(-RATE / 1024))
    assert right - left == pytest.approx(1.0)
    assert top == pytest.approx(24000 + RATE / 1024)
    assert figure.axes[0].get_ylabel() == "Frequency (kHz)"
