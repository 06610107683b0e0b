"""Who draws the pictures of one view: the engine itself, on a thread of its own, or a function in the kernel."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from smallrtc_lab.framing import Header
from smallrtc_lab.plots.drawing import Arrays, Drawing, Reading, Theme
from smallrtc_lab.plots.jpeg import to_jpeg
from smallrtc_lab.plots.making import make_drawing

from .source import Material

__all__ = ["Artist", "Brush", "Look", "Painted", "ThreadArtist", "described"]


@dataclass(frozen=True)
class Look:
    """How a view is to look: CSS pixels, device pixels for each of them, the page's theme, options and marks."""

    width: int
    height: int
    ratio: float
    theme: Theme
    options: Mapping[str, Any]
    marks: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class Painted:
    """A picture as JPEG, ``width`` times ``height`` device pixels."""

    jpeg: bytes
    width: int
    height: int


class Artist(Protocol):
    """Draws for one view; one picture at a time."""

    async def paint(self, look: Look, material: Material, quality: int) -> Painted | None:
        """The next picture, or None when it would look the same as the last one."""

    async def value_at(self, x_px: float, y_px: float) -> Reading | None:
        """What the last picture shows there, in CSS pixels."""

    async def arrays(self) -> Arrays:
        """What the last picture shows."""


class Brush:
    """A view's drawing. Everything here runs on the thread that draws."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._drawing: Drawing | None = None
        self._look: Look | None = None

    def draw(self, look: Look, material: Material) -> npt.NDArray[np.uint8] | None:
        """The pixels as :meth:`~smallrtc_lab.plots.drawing.Drawing.draw` gives them."""
        return self._prepared(look).draw(*material)

    def paint(self, look: Look, material: Material, quality: int) -> Painted | None:
        """As :meth:`Artist.paint`."""
        pixels = self.draw(look, material)
        if pixels is None:
            return None
        return Painted(to_jpeg(pixels, quality, look.ratio), pixels.shape[1], pixels.shape[0])

    def value_at(self, x_px: float, y_px: float) -> Reading | None:
        """As :meth:`Artist.value_at`."""
        return None if self._drawing is None else self._drawing.value_at(x_px, y_px)

    def arrays(self) -> Arrays:
        """As :meth:`Artist.arrays`."""
        return {} if self._drawing is None else self._drawing.arrays()

    def _prepared(self, look: Look) -> Drawing:
        drawing, before = self._drawing, self._look
        if drawing is None:
            drawing = self._drawing = make_drawing(self._kind, look.options)
        elif before is not None and before.options != look.options:
            drawing.set(look.options)
        size = (look.width, look.height, look.ratio, look.theme)
        if before is None or size != (before.width, before.height, before.ratio, before.theme):
            drawing.resize(*size)
        if before is None or before.marks != look.marks:
            drawing.mark(look.marks)
        self._look = look
        return drawing


class ThreadArtist:
    """A :class:`Brush` on the thread of ``painter``; an :class:`Artist`, used on the engine's loop."""

    def __init__(self, kind: str, painter: Executor) -> None:
        self._brush = Brush(kind)
        self._painter = painter

    async def paint(self, look: Look, material: Material, quality: int) -> Painted | None:
        """See :meth:`Artist.paint`."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._painter, self._brush.paint, look, material, quality)

    async def value_at(self, x_px: float, y_px: float) -> Reading | None:
        """See :meth:`Artist.value_at`."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._painter, self._brush.value_at, x_px, y_px)

    async def arrays(self) -> Arrays:
        """See :meth:`Artist.arrays`."""
        return await asyncio.get_running_loop().run_in_executor(self._painter, self._brush.arrays)


def described(reading: Reading | None) -> Header:
    """A reading as a page is told: ``text`` is empty where there is nothing, and what is no number is null."""
    if reading is None:
        return {"text": "", "x": None, "y": None, "value": None}
    value = reading.value if isinstance(reading.value, tuple) else _finite(reading.value)
    return {"text": reading.text, "x": _finite(reading.x), "y": _finite(reading.y), "value": value}


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
