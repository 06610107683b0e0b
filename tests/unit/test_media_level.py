"""How loud a sound is."""

from __future__ import annotations

import numpy as np
import pytest

from smallrtc_lab.media.level import SILENCE_DB, level_db, peak_db


def test_known_levels() -> None:
    """A square wave at full scale is 0 dB, a sine −3 dB, half of it −9 dB; in floats and integers."""
    square = np.where(np.arange(1000) % 20 < 10, 1.0, -1.0)
    sine = np.sin(2 * np.pi * np.arange(48000) * 1000 / 48000)
    assert level_db(square) == pytest.approx(0, abs=1e-3)
    assert level_db(sine) == pytest.approx(-3.01, abs=0.01)
    assert level_db((sine * 0.5).astype(np.float32)) == pytest.approx(-9.03, abs=0.01)
    assert level_db((sine * 0.5 * 32767).astype(np.int16).reshape(-1, 2)) == pytest.approx(-9.03, abs=0.01)


def test_peaks() -> None:
    """The peak is that of the largest sample, below zero too."""
    sound = np.zeros((100, 2), np.float32)
    sound[3, 1] = -0.5
    assert peak_db(sound) == pytest.approx(-6.02, abs=0.01)
    assert peak_db(np.array([-32768, 5], np.int16)) == pytest.approx(0)


@pytest.mark.parametrize("silence", [np.zeros((480, 2), np.int16), np.zeros((0, 2), np.float32), np.zeros(5)])
def test_silence_is_a_number(silence: np.ndarray) -> None:
    """Silence, and nothing at all, have a finite level."""
    assert level_db(silence) == SILENCE_DB
    assert peak_db(silence) == SILENCE_DB


def test_noise_just_above_silence() -> None:
    """A single bit is told from silence."""
    assert level_db(np.ones(480, np.int16)) == pytest.approx(-90.3, abs=0.1)


def test_other_types_are_refused() -> None:
    """Integers of unknown full scale raise TypeError."""
    with pytest.raises(TypeError, match="int64"):
        level_db(np.ones(4, np.int64))
