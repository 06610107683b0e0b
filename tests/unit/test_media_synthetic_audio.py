"""Sound made by arithmetic."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import signal

from smallrtc_lab.media.synthetic_audio import AudioSource, Chirp, NoiseSound, Silence, Speech, Tone
from smallrtc_lab.media.voice import VoiceDetector
from smallrtc_lab.params import VADParams

SOURCES: list[Callable[[int, int, int], AudioSource]] = [Tone, Chirp, NoiseSound, Speech, Silence]


def peak_hz(samples: NDArray[np.float32], rate: int) -> float:
    """The strongest frequency."""
    spectrum = np.abs(np.fft.rfft(samples[:, 0] * np.hanning(len(samples))))
    return float(np.argmax(spectrum)) * rate / len(samples)


@pytest.mark.parametrize("make", SOURCES)
@pytest.mark.parametrize("channels", [1, 2])
def test_cuts_do_not_matter(make: Callable[[int, int, int], AudioSource], channels: int) -> None:
    """However it is cut, and from wherever, the sound is the same; and the same again from the same seed."""
    source, again = make(16000, channels, 5), make(16000, channels, 5)
    whole = source.samples(3000, 9000)
    assert whole.shape == (9000, channels)
    assert whole.dtype == np.float32
    assert whole.flags.c_contiguous
    assert np.abs(whole).max() <= 1
    pieces = [again.samples(3000 + at, min(777, 9000 - at)) for at in range(0, 9000, 777)]
    assert np.array_equal(np.concatenate(pieces), whole)
    assert source.samples(10, 0).shape == (0, channels)
    whole[:] = 0
    assert np.array_equal(source.samples(3000, 9000), again.samples(3000, 9000))


@pytest.mark.parametrize("rate", [8000, 44100, 48000])
def test_tone(rate: int) -> None:
    """A tone has its frequency and amplitude, also after a day."""
    source = Tone(rate, 2, 0, hz=700, amplitude=0.25)
    for start in (0, rate * 86_400 + 17):
        samples = source.samples(start, rate)
        assert peak_hz(samples, rate) == pytest.approx(700, abs=1)
        assert np.sqrt(np.mean(samples.astype(float) ** 2)) == pytest.approx(0.25 / np.sqrt(2), rel=1e-4)
        assert np.array_equal(samples[:, 0], samples[:, 1])
        steps = np.diff(
            np.concatenate([source.samples(start + rate - 1, 1), source.samples(start + rate, 5)])[:, 0]
        )
        assert np.abs(steps).max() <= 0.25 * 2 * np.pi * 700 / rate * 1.001


def test_chirp() -> None:
    """A chirp glides from one frequency to the other, evenly, and returns without a click."""
    source = Chirp(48000, 1, 0, from_hz=200, to_hz=2000, seconds=2)
    assert source.seconds == pytest.approx(2, rel=0.01)
    for at_s in (0.2, 1.0, 1.8):
        block = source.samples(round((at_s - 0.05) * 48000), 4800)
        assert peak_hz(block, 48000) == pytest.approx(200 + 900 * at_s, abs=60)
    turn = round(source.seconds * 48000)
    steps = np.diff(source.samples(turn - 200, 400)[:, 0])
    assert np.abs(steps).max() <= 0.5 * 2 * np.pi * 2000 / 48000 * 1.01


def test_noise() -> None:
    """Noise is white, has its amplitude, and is another one in each channel."""
    noise = NoiseSound(48000, 2, 1, amplitude=0.4).samples(0, 200_000)
    assert np.abs(noise).max() == pytest.approx(0.4, rel=0.01)
    assert noise.mean() == pytest.approx(0, abs=0.005)
    _, power = signal.welch(noise[:, 0], 48000, nperseg=512)
    assert power[2:-2].max() / power[2:-2].min() < 2
    assert abs(np.corrcoef(noise.T)[0, 1]) < 0.02


def test_speech_has_pitch_formants_and_pauses() -> None:
    """Speech-like sound has pauses, a pitch near the asked one, and formants up to 3 kHz; it repeats seamlessly."""
    rate = 16000
    source = Speech(rate, 1, 3, pitch_hz=140)
    sound = source.samples(0, 8 * rate)[:, 0]
    assert np.abs(sound).max() == pytest.approx(0.5, rel=1e-3)
    loudness = np.sqrt(np.mean(sound.reshape(-1, rate // 50).astype(float) ** 2, axis=1))
    quiet = float((loudness < 0.01).mean())
    print(f"speech: {quiet:.0%} pauses, RMS {np.sqrt(np.mean(sound.astype(float) ** 2)):.3f}")
    assert 0.1 < quiet < 0.7
    loud = int(np.argmax(loudness)) * rate // 50
    block = sound[loud - 400 : loud + 1200]
    correlation = np.correlate(block, block, "full")[len(block) - 1 :]
    lag = 60 + int(np.argmax(correlation[60:250]))
    assert 100 < rate / lag < 190
    frequencies, power = signal.welch(sound, rate, nperseg=1024)
    assert power[(frequencies > 100) & (frequencies < 3200)].sum() > 0.9 * power.sum()
    assert np.array_equal(source.samples(8 * rate, 100), source.samples(0, 100))
    assert np.abs(np.diff(source.samples(8 * rate - 100, 200)[:, 0])).max() < 0.01


def test_speech_is_heard_as_two_sentences() -> None:
    """The voice detector hears a beginning and an end of each sentence, in every round of eight seconds."""
    sound = Speech(48000, 1, 0).samples(0, 16 * 48000)
    events = VoiceDetector(VADParams(stop_secs=0.5)).push(sound, sample_rate=48000, start_s=0.0)
    assert [event.kind for event in events] == ["started", "stopped"] * 4
    begun_s = [event.time_s for event in events if event.kind == "started"]
    assert begun_s == pytest.approx([0.3, 3.4, 8.3, 11.4], abs=0.3)


def test_silence() -> None:
    """Silence is zeros."""
    assert not Silence(8000, 2, 0).samples(5, 100).any()


def test_nonsense_is_refused() -> None:
    """Impossible frequencies, amplitudes and rates raise ValueError with a sentence."""
    with pytest.raises(ValueError, match="stay below half"):
        Tone(8000, 1, 0, hz=4000)
    with pytest.raises(ValueError, match="between 0 and 1"):
        Tone(8000, 1, 0, amplitude=1.5)
    with pytest.raises(ValueError, match="stay below half"):
        Chirp(8000, 1, 0, from_hz=0)
    with pytest.raises(ValueError, match="no sound"):
        Silence(8000, 0, 0)
