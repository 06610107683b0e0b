"""Numbers that a person gives."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from smallrtc_lab.lab.numbers import positive


@pytest.mark.parametrize("value", [1, 0.5, np.float32(2), np.int64(3), math.inf])
def test_positive_numbers_are_taken(value: Any) -> None:
    """As float, NumPy's too."""
    assert positive("seconds", value) == float(value)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("2", TypeError),
        (None, TypeError),
        (True, TypeError),
        (0, ValueError),
        (-1.0, ValueError),
        (math.nan, ValueError),
    ],
)
def test_anything_else_is_refused_in_a_sentence(value: Any, kind: type[Exception]) -> None:
    """With its name and what it may be."""
    with pytest.raises(kind, match="seconds is a positive number, not"):
        positive("seconds", value)


def test_a_limit_is_named() -> None:
    """Infinity is more than any limit."""
    assert positive("rate_hz", 240, most=240) == 240
    with pytest.raises(ValueError, match="at most 240, not inf"):
        positive("rate_hz", math.inf, most=240)
