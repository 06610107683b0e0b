"""The groups of calls an engine has besides its own."""

from __future__ import annotations

from .calls import CallGroup
from .measuring import MeasuringCalls

__all__ = ["GROUPS"]

GROUPS: tuple[type[CallGroup], ...] = (MeasuringCalls,)
