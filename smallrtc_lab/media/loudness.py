"""How loud sound seems: momentary loudness as in ITU-R BS.1770-5 and EBU Tech 3341.

The mean square of the last 400 ms, weighted by frequency as the ear does (the K weighting), −0.691 dB. Here the
weighting is applied to the spectrum of each block instead of by two filters, sample by sample: for a mean square it
is the same, and costs some microseconds a block.
"""

from __future__ import annotations

import math
from collections import deque

import numpy as np
import numpy.typing as npt

from smallrtc_lab.frames import Samples

__all__ = ["SILENCE_LUFS", "MomentaryLoudness", "volume_of"]

SILENCE_LUFS = -120.0
WINDOW_S = 0.4

# BS.1770-5, tables 1 and 2: the two filters at their own rate of 48 kHz, numerator and denominator.
_RATE_HZ = 48_000
_SHELF = ((1.53512485958697, -2.69169618940638, 1.19839281085285), (1.0, -1.69065929318241, 0.73248077421585))
_HIGH_PASS = ((1.0, -2.0, 1.0), (1.0, -1.99004745483398, 0.99007225036621))
_OFFSET_DB = -0.691

QUIET_LUFS, LOUD_LUFS = -110.0, -10.0


class MomentaryLoudness:
    """Loudness of one channel, fed with blocks of ``block`` samples at ``sample_rate``, 48 kHz at most."""

    def __init__(self, sample_rate: int, block: int) -> None:
        if not 1 <= sample_rate <= _RATE_HZ:
            raise ValueError(f"the sample rate is from 1 to {_RATE_HZ} Hz, not {sample_rate}")
        self.block = block
        self._window = np.hanning(block + 1)[:block].astype(np.float32)
        # Of a one-sided spectrum every line but the first stands for two.
        two_sided = 2.0 / (block * float(np.dot(self._window, self._window)))
        self._weights = two_sided * _k_weighting(np.fft.rfftfreq(block, 1 / sample_rate).astype(np.float64))
        self._powers: deque[float] = deque(maxlen=max(1, round(WINDOW_S * sample_rate / block)))

    def push(self, samples: Samples) -> float:
        """Take the next (block,) float32 samples of full scale ±1; the loudness of the last 0.4 s in LUFS.

        A full-scale sine of 997 Hz has −3.0. While less than 0.4 s came, the rest counts as silence.
        """
        if samples.shape != (self.block,):
            raise ValueError(f"samples have shape ({self.block},), got {samples.shape}")
        spectrum = np.fft.rfft(samples * self._window)
        power = spectrum.real**2 + spectrum.imag**2
        self._powers.append(float(np.dot(power, self._weights)))
        return self.lufs

    @property
    def lufs(self) -> float:
        """The loudness now; :data:`SILENCE_LUFS` at least."""
        assert self._powers.maxlen is not None
        mean = sum(self._powers) / self._powers.maxlen
        return max(SILENCE_LUFS, 10 * math.log10(mean) + _OFFSET_DB) if mean > 0 else SILENCE_LUFS

    def clear(self) -> None:
        """Forget what came."""
        self._powers.clear()


def volume_of(lufs: float) -> float:
    """Loudness as a number from 0 (−110 LUFS and less) to 1 (−10 and more): the scale of Pipecat's ``min_volume``."""
    return min(1.0, max(0.0, (lufs - QUIET_LUFS) / (LOUD_LUFS - QUIET_LUFS)))


def _k_weighting(frequencies_hz: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """How much power the two filters pass at each frequency."""
    delay = np.exp(-2j * np.pi * frequencies_hz / _RATE_HZ)
    gain = np.ones_like(delay)
    for numerator, denominator in (_SHELF, _HIGH_PASS):
        gain *= np.polyval(numerator[::-1], delay) / np.polyval(denominator[::-1], delay)
    weights: npt.NDArray[np.float64] = np.abs(gain) ** 2
    return weights
