"""How good a sent picture may be: words for people, bits a second for encoders."""

from __future__ import annotations

import operator
from typing import Literal, TypeAlias

__all__ = ["LEVELS", "Quality", "bitrate_bps"]

Quality: TypeAlias = Literal["low", "medium", "high"] | int

# For 1280×720 at 30 a second that moves; ``tests/benchmarks/quality.py`` measures what is seen at each.
LEVELS = {"low": 400_000, "medium": 1_500_000, "high": 5_000_000}
LEAST_BPS, MOST_BPS = 30_000, 100_000_000


def bitrate_bps(quality: Quality) -> int:
    """The most bits a second that ``quality`` allows: ``"low"``, ``"medium"``, ``"high"``, or that number itself.

    Raises ``ValueError`` for another word or a number that no picture fits, ``TypeError`` for anything else.
    """
    if isinstance(quality, str):
        if quality not in LEVELS:
            raise ValueError(f'quality is "low", "medium", "high" or bits a second, not {quality!r}')
        return LEVELS[quality]
    if isinstance(quality, bool):
        raise TypeError(f'quality is "low", "medium", "high" or bits a second, not {quality!r}')
    try:
        bps = operator.index(quality)
    except TypeError:
        raise TypeError(
            f'quality is "low", "medium", "high" or whole bits a second, not {quality!r}'
        ) from None
    if not LEAST_BPS <= bps <= MOST_BPS:
        raise ValueError(f"quality in bits a second is between {LEAST_BPS:,} and {MOST_BPS:,}, not {bps:,}")
    return bps
