"""MomentaryLoudness: what ITU-R BS.1770 and EBU Tech 3341 say of sines."""

from __future__ import annotations

import numpy as np
import pytest

from smallrtc_lab.media.loudness import SILENCE_LUFS, MomentaryLoudness, volume_of

BLOCK = 512


def loudness(hz: float, amplitude: float, sample_rate: int = 16000, seconds: float = 1.0) -> float:
    times_s = np.arange(round(seconds * sample_rate)) / sample_rate
    sine = (amplitude * np.sin(2 * np.pi * hz * times_s)).astype(np.float32)
    meter, lufs = MomentaryLoudness(sample_rate, BLOCK), SILENCE_LUFS
    for begin in range(0, len(sine) - BLOCK + 1, BLOCK):
        lufs = meter.push(sine[begin : begin + BLOCK])
    return lufs


@pytest.mark.parametrize("sample_rate", [16000, 48000])
@pytest.mark.parametrize(("level_db", "expected"), [(0, -3.01), (-20, -23.01), (-60, -63.01)])
def test_a_sine_of_997_hz(sample_rate, level_db, expected):
    """Full scale at 997 Hz in one channel is -3.01 LUFS, and it falls decibel for decibel."""
    assert loudness(997, 10 ** (level_db / 20), sample_rate) == pytest.approx(expected, abs=0.1)


def test_the_ear_hears_high_better_than_low():
    """The K weighting lifts 4 kHz by about 3.3 dB against 997 Hz, and lets hum of 30 Hz fall away."""
    middle = loudness(997, 0.5)
    assert 2.5 < loudness(4000, 0.5) - middle < 4.0
    assert loudness(30, 0.5) - middle < -7


def test_the_window_is_400_ms():
    """A tone counts in full after 0.4 s, and is gone 0.4 s after its end."""
    tone = np.sin(2 * np.pi * 1000 * np.arange(BLOCK * 13) / 16000).astype(np.float32).reshape(13, BLOCK)
    meter = MomentaryLoudness(16000, BLOCK)
    first = meter.push(tone[0])
    for block in tone[1:]:
        full = meter.push(block)
    assert full - first == pytest.approx(10 * np.log10(12), abs=0.3)
    for _ in range(13):
        silent = meter.push(np.zeros(BLOCK, np.float32))
    assert silent == SILENCE_LUFS


def test_silence_and_the_scale_of_volume():
    """Silence is finite, and the scale goes from 0 at -110 LUFS to 1 at -10."""
    meter = MomentaryLoudness(16000, BLOCK)
    assert meter.lufs == meter.push(np.zeros(BLOCK, np.float32)) == SILENCE_LUFS
    assert [volume_of(lufs) for lufs in (-200, -110, -60, -50, -10, 0)] == [0, 0, 0.5, 0.6, 1, 1]
    meter.push(np.ones(BLOCK, np.float32))
    meter.clear()
    assert meter.lufs == SILENCE_LUFS


def test_wrong_blocks_and_rates_are_refused():
    """A block of another length, and a rate the weighting was not made for, raise with the numbers."""
    with pytest.raises(ValueError, match="shape"):
        MomentaryLoudness(16000, BLOCK).push(np.zeros(100, np.float32))
    with pytest.raises(ValueError, match="96000"):
        MomentaryLoudness(96000, BLOCK)
