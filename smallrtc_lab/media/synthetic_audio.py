"""Sound made by arithmetic: the same position gives the same samples, however it is cut."""

from __future__ import annotations

from abc import ABC, abstractmethod
from itertools import pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt

from smallrtc_lab.frames import Samples

__all__ = ["AudioSource", "Chirp", "NoiseSound", "Silence", "Speech", "Tone"]

Wave = npt.NDArray[np.float64]


class AudioSource(ABC):
    """Samples by position; any thread may ask for any of them."""

    def __init__(self, sample_rate: int, channels: int, seed: int) -> None:
        if sample_rate < 1 or channels < 1:
            raise ValueError(f"no sound of {channels} channels at {sample_rate} Hz")
        self.sample_rate = sample_rate
        self.channels = channels
        self.seed = seed

    def samples(self, start: int, n: int) -> Samples:
        """``n`` samples from position ``start`` on, (n, channels) float32 in [-1, 1], private."""
        wave = np.asarray(self._wave(start, n), np.float32)
        return np.repeat(wave[:, None], self.channels, axis=1)

    @abstractmethod
    def _wave(self, start: int, n: int) -> Wave:
        """The (n,) samples that every channel gets."""

    def _checked_hz(self, hz: float) -> float:
        if not 0 < hz < self.sample_rate / 2:
            raise ValueError(
                f"{hz} Hz does not fit a sample rate of {self.sample_rate} Hz; stay below half of it"
            )
        return hz


class Silence(AudioSource):
    """Zeros."""

    def _wave(self, start: int, n: int) -> Wave:
        return np.zeros(n)


class Tone(AudioSource):
    """A sine of ``hz`` that begins at phase zero."""

    def __init__(
        self, sample_rate: int, channels: int, seed: int, *, hz: float = 440.0, amplitude: float = 0.5
    ) -> None:
        super().__init__(sample_rate, channels, seed)
        self.hz = self._checked_hz(hz)
        self.amplitude = _checked_amplitude(amplitude)

    def _wave(self, start: int, n: int) -> Wave:
        # Whole turns are left out before the sine, so that the phase stays exact after days.
        turns = (start + np.arange(n)) * (self.hz / self.sample_rate) % 1.0
        wave: Wave = self.amplitude * np.sin(2 * np.pi * turns)
        return wave


class Chirp(AudioSource):
    """A tone that glides evenly from ``from_hz`` to ``to_hz`` in about ``seconds``, again and again."""

    def __init__(
        self,
        sample_rate: int,
        channels: int,
        seed: int,
        *,
        from_hz: float = 100.0,
        to_hz: float = 3000.0,
        seconds: float = 4.0,
        amplitude: float = 0.5,
    ) -> None:
        super().__init__(sample_rate, channels, seed)
        self.from_hz, self.to_hz = self._checked_hz(from_hz), self._checked_hz(to_hz)
        self.amplitude = _checked_amplitude(amplitude)
        # A whole number of turns, so that no click marks the return.
        mean_hz = (from_hz + to_hz) / 2
        self.seconds = max(1, round(mean_hz * seconds)) / mean_hz

    def _wave(self, start: int, n: int) -> Wave:
        times_s = (start + np.arange(n)) / self.sample_rate % self.seconds
        glide = (self.to_hz - self.from_hz) / (2 * self.seconds)
        return self.amplitude * np.sin(2 * np.pi * (self.from_hz + glide * times_s) * times_s)


class NoiseSound(AudioSource):
    """Noise of ``kind`` ``"white"`` or ``"pink"``, another one in each channel; ``amplitude`` is its peak.

    White noise is even between ±``amplitude``. The power of pink noise halves with every octave: 1/f, exactly, from
    0.1 Hz on; it repeats after 2**19 samples, 11 s at 48 kHz.
    """

    BLOCK = 4096
    PERIOD = 1 << 19

    def __init__(
        self,
        sample_rate: int,
        channels: int,
        seed: int,
        *,
        kind: Literal["white", "pink"] = "white",
        amplitude: float = 0.3,
    ) -> None:
        super().__init__(sample_rate, channels, seed)
        if kind not in ("white", "pink"):
            raise ValueError(f'noise is "white" or "pink", not {kind!r}')
        self.kind = kind
        self.amplitude = _checked_amplitude(amplitude)
        self._loops = [self._pink(channel) for channel in range(channels)] if kind == "pink" else []

    def samples(self, start: int, n: int) -> Samples:
        channels = [self._channel(channel, start, n) for channel in range(self.channels)]
        return np.ascontiguousarray(np.stack(channels, axis=1) * np.float32(self.amplitude))

    def _channel(self, channel: int, start: int, n: int) -> Samples:
        if self._loops:
            return self._loops[channel][(start + np.arange(n)) % self.PERIOD]
        first, last = start // self.BLOCK, (start + max(n, 1) - 1) // self.BLOCK
        blocks = np.concatenate([self._block(channel, number) for number in range(first, last + 1)])
        return blocks[start - first * self.BLOCK :][:n]

    def _block(self, channel: int, number: int) -> Samples:
        rng = np.random.default_rng((self.seed, number, channel))
        return rng.random(self.BLOCK, np.float32) * 2 - 1

    def _pink(self, channel: int) -> Samples:
        """A loop of peak 1: random phases, and amplitudes that fall with the root of the frequency."""
        rng = np.random.default_rng((self.seed, channel))
        bins = self.PERIOD // 2 + 1
        spectrum = np.exp(2j * np.pi * rng.random(bins))
        spectrum[0] = 0
        spectrum[1:] /= np.sqrt(np.arange(1, bins))
        loop = np.fft.irfft(spectrum, self.PERIOD)
        return np.asarray(loop / np.abs(loop).max(), np.float32)

    def _wave(self, start: int, n: int) -> Wave:
        raise NotImplementedError("each channel has noise of its own")


class Speech(AudioSource):
    """Something like speech: two sentences of gliding vowels, a short pause and a long one; repeats after 8 s.

    ``pitch_hz`` is the voice's pitch, which falls through a sentence. Each glottal pulse makes three formants ring, as
    in the source-filter model of the vocal tract (formants after Peterson and Barney, 1952). Silero's model hears it
    as speech, but for a few high-pitched voices.
    """

    SECONDS = 8
    BEGIN_S = (0.3, 3.4)
    VOWELS_HZ = ((730, 1090, 2440), (270, 2290, 3010), (570, 840, 2410), (530, 1840, 2480), (300, 870, 2240))

    def __init__(
        self, sample_rate: int, channels: int, seed: int, *, pitch_hz: float = 120.0, amplitude: float = 0.5
    ) -> None:
        super().__init__(sample_rate, channels, seed)
        self.pitch_hz = self._checked_hz(pitch_hz)
        self.amplitude = _checked_amplitude(amplitude)
        self._loop = self._synthesised()

    def _wave(self, start: int, n: int) -> Wave:
        return self._loop[(start + np.arange(n)) % len(self._loop)]

    def _synthesised(self) -> Wave:
        rng = np.random.default_rng(self.seed)
        loop: Wave = np.zeros(self.SECONDS * self.sample_rate)
        for begin_s in self.BEGIN_S:
            self._add_sentence(loop, begin_s, rng)
        loop *= self.amplitude / np.abs(loop).max()
        return loop

    def _add_sentence(self, loop: Wave, at_s: float, rng: np.random.Generator) -> None:
        """Seven to ten syllables, each from one vowel towards the next: 2.4 s at most."""
        vowels = np.array(self.VOWELS_HZ)[rng.integers(len(self.VOWELS_HZ), size=rng.integers(8, 12))]
        count = len(vowels) - 1
        for number, (vowel, following) in enumerate(pairwise(vowels)):
            length_s = rng.uniform(0.14, 0.24)
            pulse_s = 0.0
            while pulse_s < length_s:
                through = pulse_s / length_s
                formants_hz = vowel + (following - vowel) * max(0.0, 2 * through - 1)
                first = round((at_s + pulse_s) * self.sample_rate)
                grain = self._grain(formants_hz) * (0.25 + 0.75 * np.sin(np.pi * through) ** 0.6)
                loop[first : first + len(grain)] += grain
                falling = 1.1 - 0.25 * (number + through) / count
                pulse_s += 1 / (self.pitch_hz * falling * rng.normal(1.0, 0.01))  # no throat is quite even
            at_s += length_s

    def _grain(self, formants_hz: Wave) -> Wave:
        """What one pulse leaves ringing, 20 ms."""
        times_s = np.arange(round(0.02 * self.sample_rate)) / self.sample_rate
        grain: Wave = np.zeros(len(times_s))
        for hz, strength, width_hz in zip(formants_hz, (1.0, 0.5, 0.25), (60, 90, 120), strict=True):
            if hz < self.sample_rate / 2:
                grain += strength * np.exp(-np.pi * width_hz * times_s) * np.sin(2 * np.pi * hz * times_s)
        fading: Wave = grain * np.linspace(1, 0, len(grain))
        return fading


def _checked_amplitude(amplitude: float) -> float:
    if not 0 <= amplitude <= 1:
        raise ValueError(f"amplitude lies between 0 and 1, got {amplitude}")
    return amplitude
