"""Windows for spectra by the names that scipy.signal.get_window knows, in NumPy alone."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["WINDOWS", "checked_window", "window_values"]

Values = npt.NDArray[np.float64]

# Sums of cosines: a[0] − a[1]·cos x + a[2]·cos 2x − … (Heinzel et al. 2002, as in SciPy).
_COSINES = {
    "boxcar": (1.0,),
    "hann": (0.5, 0.5),
    "hamming": (0.54, 0.46),
    "blackman": (0.42, 0.50, 0.08),
    "nuttall": (0.3635819, 0.4891775, 0.1365995, 0.0106411),
    "blackmanharris": (0.35875, 0.48829, 0.14128, 0.01168),
    "flattop": (0.21557895, 0.41663158, 0.277263158, 0.083578947, 0.006947368),
}


def _bartlett(n: int, _: float) -> Values:
    return np.asarray(np.bartlett(n + 1)[:-1])


def _triang(n: int, _: float) -> Values:
    steps = np.arange(1, n + 2)
    rising = np.minimum(steps, steps[::-1]).astype(np.float64)
    return (rising / rising.max())[:-1] if (n + 1) % 2 else ((2 * rising - 1) / (n + 1))[:-1]


def _cosine(n: int, _: float) -> Values:
    return np.asarray(np.sin(np.pi / (n + 1) * (np.arange(n) + 0.5)))


def _kaiser(n: int, beta: float) -> Values:
    return np.asarray(np.kaiser(n + 1, beta)[:-1])


def _gaussian(n: int, std: float) -> Values:
    return np.asarray(np.exp(-((np.arange(n) - n / 2) ** 2) / (2 * std * std)))


def _tukey(n: int, alpha: float) -> Values:
    if alpha <= 0:
        return np.ones(n)
    distance = np.minimum(np.arange(n), n - np.arange(n)) / n
    return np.where(distance < alpha / 2, 0.5 * (1 - np.cos(2 * np.pi * distance / alpha)), 1.0)


_SHAPED: dict[str, tuple[Callable[[int, float], Values], float | None]] = {
    "bartlett": (_bartlett, None),
    "triang": (_triang, None),
    "cosine": (_cosine, None),
    "kaiser": (_kaiser, math.nan),  # has to be given
    "gaussian": (_gaussian, math.nan),
    "tukey": (_tukey, 0.5),
}
_OTHER_NAMES = {
    "rectangular": "boxcar",
    "rect": "boxcar",
    "hanning": "hann",
    "triangle": "triang",
    "sine": "cosine",
}
WINDOWS = (*_COSINES, *_SHAPED)


def checked_window(window: Any) -> str | tuple[str, float]:
    """A window as scipy.signal.get_window takes it: a name, or (name, parameter) for kaiser, gaussian and tukey.

    Raises :class:`ValueError` for a name that is not known, and names the nearest one.
    """
    name, parameter = window if isinstance(window, list | tuple) and len(window) == 2 else (window, None)
    name = _OTHER_NAMES.get(name, name) if isinstance(name, str) else name
    if name not in WINDOWS:
        near = difflib.get_close_matches(str(name), WINDOWS, n=1)
        hint = f'did you mean "{near[0]}"?' if near else f"there are {', '.join(WINDOWS)}"
        raise ValueError(f"there is no window called {name!r}; {hint}")
    default = _SHAPED[name][1] if name in _SHAPED else None
    if parameter is None:
        if default is not None and math.isnan(default):
            raise ValueError(f'the window "{name}" has a parameter: ("{name}", 8.0)')
        return str(name)
    if default is None:
        raise ValueError(f'the window "{name}" has no parameter')
    return str(name), float(parameter)


def window_values(window: str | tuple[str, float], n: int) -> Values:
    """(n,) float64: what scipy.signal.get_window(window, n) gives, periodic, as spectra want it."""
    found = checked_window(window)
    name, parameter = found if isinstance(found, tuple) else (found, None)
    if name in _COSINES:
        x = 2 * np.pi * np.arange(n) / n
        return np.asarray(sum((-1) ** k * a * np.cos(k * x) for k, a in enumerate(_COSINES[name])))
    shape, default = _SHAPED[name]
    return shape(n, default if parameter is None else parameter)  # type: ignore[arg-type]
