"""Numbers that a person gives, checked with a sentence."""

from __future__ import annotations

import math
from typing import Any

__all__ = ["positive"]


def positive(name: str, value: Any, *, most: float = math.inf) -> float:
    """A number above 0 (NumPy's too) as float; infinite where ``most`` is.

    Raises :class:`TypeError` for what is no number and :class:`ValueError` for another one, NaN too.
    """
    span = "a positive number" if most == math.inf else f"a number above 0, at most {most:g}"
    if isinstance(value, bool | str) or not hasattr(value, "__float__"):
        raise TypeError(f"{name} is {span}, not {value!r}")
    number = float(value)
    if not 0 < number <= most:
        raise ValueError(f"{name} is {span}, not {value!r}")
    return number
