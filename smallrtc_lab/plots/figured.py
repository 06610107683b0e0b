"""A drawing that is a matplotlib figure: what does not change is drawn once, and kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .drawing import Drawing
from .options import Mark

__all__ = ["figure_of"]


def figure_of(drawing: Drawing, arrays: Mapping[str, Any], marks: Iterable[Mark]) -> Any:
    """A figure of its own of what these arrays hold."""
    raise NotImplementedError
