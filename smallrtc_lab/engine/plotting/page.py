"""What the page of a plot's view says, checked: a page is a stranger."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from smallrtc_lab.framing import Header
from smallrtc_lab.plots.drawing import Theme

__all__ = ["PLOT_VERSION", "Canvas", "canvas_of", "cost_s_of", "greets", "point_of"]

PLOT_VERSION = 1
_WIDTH_PX, _HEIGHT_PX = (40, 4096), (30, 4096)
_RATIO = (0.5, 4.0)
_MOST_PIXELS = 3840 * 2160


@dataclass(frozen=True)
class Canvas:
    """Where a view is drawn: CSS pixels, and device pixels for each of them."""

    width: int
    height: int
    ratio: float = 1.0
    theme: Theme = "light"


def greets(message: Header) -> str | None:
    """The name of the page that says hello, or None when it speaks another version or makes no sense."""
    name = message.get("page")
    known = message.get("version") == PLOT_VERSION and isinstance(name, str) and 0 < len(name) <= 200
    return name if known else None


def canvas_of(message: Header, before: Canvas | None) -> Canvas | None:
    """The canvas that a message tells of; what it leaves out, or what makes no sense, is as before."""
    width = _number(message.get("width"), *_WIDTH_PX) or (before.width if before else None)
    height = _number(message.get("height"), *_HEIGHT_PX) or (before.height if before else None)
    if width is None or height is None:
        return before
    ratio = _number(message.get("ratio"), *_RATIO) or (before.ratio if before else 1.0)
    theme = message.get("theme", before.theme if before else "light")
    most = math.sqrt(_MOST_PIXELS / (width * height))
    return Canvas(round(width), round(height), min(ratio, most), "dark" if theme == "dark" else "light")


def point_of(message: Header) -> tuple[float, float] | None:
    """A point in CSS pixels, or None when the mouse has left."""
    x, y = (_number(message.get(name), -1e4, 1e4) for name in ("x", "y"))
    return None if x is None or y is None else (x, y)


def cost_s_of(message: Header) -> float:
    """How long the bytes of an acknowledged picture took to come in, in seconds, by the page's clock."""
    return (_number(message.get("ms"), 0.0, 60_000.0) or 0.0) / 1000


def _number(value: Any, low: float, high: float) -> float | None:
    """A number brought into its limits, or None for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return min(max(float(value), low), high)
