"""How much of the past a lab keeps."""

from __future__ import annotations

from typing import Any

import pytest

from smallrtc_lab.lab.keeping import keep_seconds


@pytest.mark.parametrize("seconds", [0, 0.5, 30, 300])
def test_seconds_are_taken(seconds: float) -> None:
    """From nothing to five minutes."""
    assert keep_seconds(seconds) == float(seconds)


@pytest.mark.parametrize("seconds", [-1, 301, float("nan"), "30", None, True])
def test_anything_else_is_refused_in_a_sentence(seconds: Any) -> None:
    """With what it may be."""
    with pytest.raises(ValueError, match="keep_s is 0"):
        keep_seconds(seconds)
