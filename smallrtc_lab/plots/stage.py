"""A figure whose unchanging part is drawn once: pixels are restored from it, and only what moves is drawn anew."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from .drawing import Pixels, Theme
from .look import POINT, Look
from .shown import ShownFigure

__all__ = ["Area", "Size", "Stage", "rgbx"]

Floats: TypeAlias = npt.NDArray[np.float64]
_DPI = 100
_SLACK = 0.01  # of a pixel: Agg cuts the figure's size to whole pixels, and 639.999… must not become 639


@dataclass(frozen=True)
class Size:
    """CSS pixels, device pixels for each of them, and the page's theme."""

    width: int
    height: int
    ratio: float = 1.0
    theme: Theme = "light"


@dataclass(frozen=True)
class Area:
    """A rectangle of device pixels: columns from ``left`` to ``right``, rows from ``top`` to ``bottom``."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def slices(self) -> tuple[slice, slice]:
        """Its rows and columns in an array of pixels."""
        return slice(self.top, self.bottom), slice(self.left, self.right)


class Stage:
    """A matplotlib figure in one size and look. ``live`` artists are left out of what is kept.

    Belongs to one thread at a time. ``pixels`` is Agg's own memory, (h, w, 4) uint8 RGBX.
    """

    def __init__(self, size: Size, look: Look, live: bool = True) -> None:
        self.size = size
        self.look = look
        self.live = live
        self.width = max(1, round(size.width * size.ratio))
        self.height = max(1, round(size.height * size.ratio))
        dpi = _DPI * size.ratio
        self.figure = (Figure if live else ShownFigure)(
            figsize=((self.width + _SLACK) / dpi, (self.height + _SLACK) / dpi),
            dpi=dpi,
            facecolor=look.face,
            edgecolor=look.face,
        )
        self.canvas = FigureCanvasAgg(self.figure)
        self.areas: dict[Axes, Area] = {}

    def device(self, css_px: float) -> int:
        """Device pixels of a length in CSS pixels."""
        return round(css_px * self.size.ratio)

    def axes(self, left: float, top: float, right: float, bottom: float) -> Axes:
        """Axes with these margins in CSS pixels, on whole device pixels."""
        area = Area(
            self.device(left),
            self.device(top),
            max(self.device(left) + 1, self.width - self.device(right)),
            max(self.device(top) + 1, self.height - self.device(bottom)),
        )
        return self.axes_in(area)

    def axes_in(self, area: Area) -> Axes:
        """Axes that fill an area."""
        whole_width, whole_height = self.width + _SLACK, self.height + _SLACK
        rect = (
            area.left / whole_width,
            (self.height - area.bottom) / whole_height,
            area.width / whole_width,
            area.height / whole_height,
        )
        axes = self.figure.add_axes(rect, facecolor=self.look.area)
        self.areas[axes] = area
        return axes

    def keep(self) -> None:
        """Draw everything but the live artists, once."""
        self.canvas.draw()
        self.pixels: Pixels = np.asarray(self.canvas.buffer_rgba())
        self._kept = self.pixels.copy()
        self._hatched: Pixels | None = None
        self._tints: dict[tuple[Area, tuple[str, ...], float], npt.NDArray[np.uint32]] = {}

    def clear(self) -> None:
        """Back to what is kept."""
        np.copyto(self.pixels, self._kept)

    def draw(self, axes: Axes, artists: Iterable[Artist]) -> None:
        """Draw live artists over what is there."""
        for artist in artists:
            axes.draw_artist(artist)

    def fill(self, area: Area, pixels: Pixels) -> None:
        """Put (h, w, 4) pixels into an area of that size."""
        self.pixels[area.slices] = pixels

    def hatch(self, area: Area, first: int, last: int) -> None:
        """Columns ``first`` to ``last`` of an area, last excluded, show that something is missing."""
        first, last = max(0, first), min(area.width, last)
        if last > first:
            columns = slice(area.left + first, area.left + last)
            self.pixels[area.top : area.bottom, columns] = self.hatched[area.top : area.bottom, columns]

    def span(self, axes: Axes, first: float, last: float) -> None:
        """What :meth:`hatch` shows, from one value of x to another, in a figure that is not live."""
        axes.axvspan(
            first,
            last,
            facecolor=self.look.area,
            edgecolor=self.look.missing,
            hatch="///",
            linewidth=0,
            zorder=1.5,
        )

    def bars(
        self, area: Area, columns: npt.NDArray[np.intp], top: Floats, bottom: Floats, colour: str
    ) -> None:
        """Upright bars one pixel wide in ``columns`` of an area, from ``top`` to ``bottom`` in pixels below its top.

        Their ends are smooth: a pixel of which a bar covers a part has that share of its colour. NaN is no bar.
        """
        known = ~np.isnan(top)
        columns, top, bottom = columns[known], top[known], bottom[known]
        top, bottom = (np.clip(edge, 0, area.height) for edge in (top, bottom))
        inside = self.pixels[area.slices]
        rows = np.arange(area.height)[:, None]
        whole = (rows >= np.ceil(top)) & (rows < np.floor(bottom))
        for edge, share in (
            (np.floor(top), np.ceil(top) - top),
            (np.floor(bottom), bottom - np.floor(bottom)),
        ):
            lines = np.minimum(edge, area.height - 1).astype(np.intp)
            under = inside[lines, columns].astype(np.float64)
            inside[lines, columns] = np.rint(under + (rgbx(colour) - under) * share[:, None])
        where = np.zeros(inside.shape[:2], np.bool_)
        where[:, columns] = whole
        inside[where] = rgbx(colour)

    def fill_under(self, area: Area, tops: Sequence[Floats], colours: Sequence[str], share: float) -> None:
        """Over what is kept: everything below each of ``tops`` has a ``share`` of its colour.

        ``tops`` (width,) are pixels below the area's top, one for each of its columns; NaN fills nothing.
        """
        tinted = self._tinted(area, tuple(colours), share)
        rows = np.arange(area.height, dtype=np.int16)[:, None]
        below = [rows >= _whole(top, area.height) for top in tops]
        target = self.pixels[area.slices].view(np.uint32)[..., 0]
        if len(below) == 1:
            np.copyto(target, tinted[1], where=below[0])
            return
        which = np.zeros(target.shape, np.uint8)
        for bit, one in enumerate(below):
            which |= one.view(np.uint8) << bit
        each = np.arange(target.size).reshape(target.shape)  # a third of the time of take_along_axis
        target[...] = tinted.reshape(-1)[which.astype(np.intp) * target.size + each]

    def _tinted(self, area: Area, colours: tuple[str, ...], share: float) -> npt.NDArray[np.uint32]:
        """(2 ** colours, h, w): what is kept of an area, under each choice of colours."""
        key = (area, colours, share)
        if key not in self._tints:
            layers = [np.ascontiguousarray(self._kept[area.slices])]
            for colour in colours:
                values = np.arange(256)[:, None]  # what each value of each part of a colour becomes
                table = np.rint((1 - share) * values + share * rgbx(colour)).astype(np.uint8)
                layers += [np.stack([table[layer[..., n], n] for n in range(4)], axis=-1) for layer in layers]
            self._tints[key] = np.stack(layers).view(np.uint32)[..., 0]
        return self._tints[key]

    @property
    def hatched(self) -> Pixels:
        """(h, w, 4): the whole picture in diagonal stripes."""
        if self._hatched is None:
            rows, columns = np.ogrid[: self.height, : self.width]
            period = max(2, self.device(7))
            striped = (rows + columns) % period < max(1, self.device(1.5))
            self._hatched = np.where(
                striped[..., None], rgbx(self.look.missing), rgbx(self.look.area)
            ).astype(np.uint8)
        return self._hatched

    def letters(self, css_px: float = 11, **more: Any) -> dict[str, Any]:
        """Keywords of a matplotlib text."""
        return {"fontsize": css_px * POINT, "fontfamily": "DejaVu Sans", **more}

    def to_data(self, axes: Axes, x_px: float, y_px: float) -> tuple[float, float] | None:
        """Data coordinates of a point in CSS pixels from the top left, or None outside these axes."""
        x, y = x_px * self.size.ratio, y_px * self.size.ratio
        area = self.areas[axes]
        if not (area.left <= x < area.right and area.top <= y < area.bottom):
            return None
        found = axes.transData.inverted().transform((x, self.height - y))
        return float(found[0]), float(found[1])


def _whole(edge: Floats, height: int) -> npt.NDArray[np.int16]:
    """Rows of pixels, ``height`` for NaN: with so short integers comparing them is several times as fast."""
    return np.rint(np.clip(np.nan_to_num(edge, nan=height), 0, height)).astype(np.int16)


def rgbx(colour: str) -> Pixels:
    """(4,) uint8 RGBX of a colour as matplotlib knows it."""
    return np.array([*(round(255 * part) for part in to_rgb(colour)), 255], np.uint8)
