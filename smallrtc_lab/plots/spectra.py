"""Spectra of a sound, with scipy.signal's answers.

For mono samples ``x`` that begin on the grid, ``level_db`` is ``10 · log10(2 · P)`` with ``P`` of
``scipy.signal.spectrogram(x, rate, window, nperseg, noverlap, scaling="spectrum")``; averaged, of ``welch``
with the same arguments. A sine at full scale, amplitude 1, has 0 dB (where it falls on one of the frequencies); that is
AES17's dBFS. Both take each segment's mean away first, as SciPy does (``detrend="constant"``).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .drawing import Float32
from .grid import GridRows
from .windows import window_values

__all__ = ["decibels", "hop_of", "mixed", "pooled", "segment_powers"]

_LEAST = 1e-24  # −240 dB, the power of nothing


def hop_of(nperseg: int, overlap: float) -> int:
    """Samples from one segment to the next: nperseg − noverlap, noverlap = round(nperseg · overlap)."""
    return max(1, nperseg - round(nperseg * overlap))


def segment_powers(
    nperseg: int, overlap: float, window: str | tuple[str, float], capacity: int, channel: int | None
) -> GridRows:
    """The one-sided power spectrum of each segment, (nperseg // 2 + 1,) each, of one channel or the mean of all."""
    hop = hop_of(nperseg, overlap)
    values = window_values(window, nperseg)
    scale = np.full(nperseg // 2 + 1, 2.0 / values.sum() ** 2)
    scale[0] /= 2
    if nperseg % 2 == 0:
        scale[-1] /= 2

    def powers(samples: Float32) -> npt.NDArray[np.float64]:
        mono = mixed(samples, channel)
        segments = np.lib.stride_tricks.sliding_window_view(mono, nperseg)[::hop]
        spectra = np.fft.rfft((segments - segments.mean(axis=1, keepdims=True)) * values, axis=1)
        return np.asarray((spectra.real**2 + spectra.imag**2) * scale)

    return GridRows(nperseg, hop, capacity, len(scale), powers)


def mixed(samples: Float32, channel: int | None) -> npt.NDArray[np.float64]:
    """(n,) float64: one channel, the last where there are fewer, or the mean of all."""
    if channel is None:
        return np.asarray(samples.mean(axis=1, dtype=np.float64))
    return samples[:, min(channel, samples.shape[1] - 1)].astype(np.float64)


def decibels(power: npt.NDArray[np.floating]) -> Float32:
    """``10 · log10(2 · power)`` as float32; NaN stays."""
    level: Float32 = (10 * np.log10(2 * np.maximum(power, _LEAST))).astype(np.float32)
    return level


def pooled(values: Float32, starts: npt.NDArray[np.intp], axis: int) -> Float32:
    """The largest of each stretch from a start to the next, or the one there where two starts are the same."""
    return np.asarray(np.maximum.reduceat(values, starts, axis=axis))
