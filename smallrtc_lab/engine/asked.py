"""What a lab asks of the browser, held against what the server allows."""

from __future__ import annotations

from typing import Any

__all__ = ["beyond_limits"]

_LIMITS = {"width": "max_width", "height": "max_height", "frameRate": "max_frame_rate"}
_NAMES = {"width": "pixels across", "height": "pixels down", "frameRate": "frames a second"}


def beyond_limits(constraints: Any, limits: dict[str, Any]) -> str:
    """Which limits the constraints of a camera exceed, in words; empty when none."""
    if not isinstance(constraints, dict):
        return ""
    said = []
    for name, limit_name in _LIMITS.items():
        asked, limit = _largest(constraints.get(name)), limits.get(limit_name)
        if asked is not None and isinstance(limit, (int, float)) and asked > limit:
            said.append(f"{limit:g} {_NAMES[name]} (asked: {asked:g})")
    return " and ".join(said)


def _largest(constraint: Any) -> float | None:
    """The largest number that a W3C ConstrainULong or ConstrainDouble asks for."""
    values = constraint.values() if isinstance(constraint, dict) else [constraint]
    numbers = [v for v in values if isinstance(v, (int, float)) and not isinstance(v, bool)]
    return max(numbers, default=None)
