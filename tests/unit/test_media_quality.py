"""Words for how good a picture may be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from smallrtc_lab.media.quality import LEVELS, bitrate_bps


def test_words_and_numbers() -> None:
    """The three words grow, a number is itself, NumPy's too."""
    assert bitrate_bps("low") < bitrate_bps("medium") < bitrate_bps("high") == LEVELS["high"]
    assert bitrate_bps(2_500_000) == bitrate_bps(np.int64(2_500_000)) == 2_500_000  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("quality", "error", "words"),
    [
        ("best", ValueError, '"low", "medium", "high"'),
        (3, ValueError, "between 30,000 and"),
        (10**9, ValueError, "100,000,000"),
        (1.5, TypeError, "whole bits a second"),
        (True, TypeError, "not True"),
        (None, TypeError, "not None"),
    ],
)
def test_anything_else_is_refused_with_words(quality: Any, error: type[Exception], words: str) -> None:
    """The sentence says what there is."""
    with pytest.raises(error, match=words):
        bitrate_bps(quality)
