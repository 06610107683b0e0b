"""How loud a sound is, in decibels below full scale."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["SILENCE_DB", "level_db", "peak_db"]

# One bit of 16-bit sound is at −90 dBFS; quieter than this counts as silence and keeps figures finite.
SILENCE_DB = -120.0
_INT16_FULL_SCALE = 32768.0


def level_db(samples: npt.NDArray[Any]) -> float:
    """Root mean square over all samples and channels in dBFS; 0 is a square wave at full scale.

    A sine at full scale has −3 dB (AES17 would call it 0). Takes int16 or floats of full scale ±1, of any shape;
    silence, or no samples at all, is :data:`SILENCE_DB`.
    """
    if samples.size == 0:
        return SILENCE_DB
    flat = samples.reshape(-1).astype(np.float32, copy=False)
    return _decibels(math.sqrt(float(np.dot(flat, flat)) / flat.size) / _full_scale(samples))


def peak_db(samples: npt.NDArray[Any]) -> float:
    """The largest sample of all in dBFS; like :func:`level_db` otherwise."""
    if samples.size == 0:
        return SILENCE_DB
    return _decibels(max(float(samples.max()), -float(samples.min())) / _full_scale(samples))


def _full_scale(samples: npt.NDArray[Any]) -> float:
    if samples.dtype == np.int16:
        return _INT16_FULL_SCALE
    if samples.dtype.kind != "f":
        raise TypeError(f"sound is float32, float64 or int16, got {samples.dtype}")
    return 1.0


def _decibels(ratio: float) -> float:
    return max(SILENCE_DB, 20.0 * math.log10(ratio)) if ratio > 0.0 else SILENCE_DB
