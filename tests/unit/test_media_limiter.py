"""Sums of sounds within full scale."""

from __future__ import annotations

import numpy as np
import pytest

from smallrtc_lab.media.limiter import CEILING, Limiter


def sine(hz: float, amplitude: float, seconds: float = 1.0) -> np.ndarray:
    times_s = np.arange(round(seconds * 48_000)) / 48_000
    return np.rint(amplitude * 32_768 * np.sin(2 * np.pi * hz * times_s)).astype(np.int32)[:, None]


def blocks(limiter: Limiter, sound: np.ndarray) -> np.ndarray:
    return np.concatenate([limiter.process(sound[n : n + 960]) for n in range(0, len(sound), 960)])


def test_what_fits_passes_bit_by_bit():
    """Sound below the ceiling is not touched."""
    limiter, sound = Limiter(), sine(440, 0.9)
    assert np.array_equal(blocks(limiter, sound), sound)
    assert limiter.limited == 0


def test_no_sample_is_above_the_ceiling_and_none_is_clipped():
    """Noise and tones of up to four times full scale come out below it, with every sign kept."""
    limiter = Limiter()
    noise = np.random.default_rng(1).integers(-120_000, 120_000, (48_000, 2), dtype=np.int32)
    noise[::7] //= 8
    out = blocks(limiter, noise)
    assert np.abs(out.astype(int)).max() <= CEILING + 1
    assert np.all((np.sign(out) == np.sign(noise)) | (np.abs(out) <= 1))
    assert limiter.limited == 50


def test_a_loud_tone_stays_a_tone():
    """Two tones that add up to 1.6 of full scale keep their spectrum: what the limiter adds is 30 dB below them."""
    out = blocks(Limiter(), sine(400, 0.8) + sine(1000, 0.8))[24_000:, 0].astype(float)
    spectrum = np.abs(np.fft.rfft(out * np.hanning(len(out)))) ** 2
    wanted = np.zeros(len(spectrum), bool)
    for hz in (400, 1000):
        wanted[hz // 2 - 6 : hz // 2 + 7] = True
    rest_db = 10 * np.log10(spectrum[~wanted].sum() / spectrum[wanted].sum())
    print(f"beside the tones: {rest_db:.0f} dB")
    assert rest_db < -30


def test_it_recovers():
    """A shout turns the gain down; a quarter of a second later quiet sound is whole again."""
    limiter = Limiter()
    blocks(limiter, sine(440, 3.0, 0.2))
    after = sine(440, 0.2, 0.5)
    out = blocks(limiter, after)
    assert np.abs(out[:960]).max() < np.abs(after[:960]).max()
    assert np.array_equal(out[14_400:], after[14_400:])


def test_a_block_is_a_multiple_of_a_step():
    """Any other length is refused."""
    with pytest.raises(ValueError, match="120"):
        Limiter().process(np.zeros((100, 1), np.int32))
