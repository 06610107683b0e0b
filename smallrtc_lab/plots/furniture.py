"""Axes, ticks, labels and titles, the same for all plots. Lengths are CSS pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, Normalize
from matplotlib.ticker import FuncFormatter, MaxNLocator
from matplotlib.transforms import Affine2D, blended_transform_factory

from .look import POINT
from .stage import Stage

__all__ = ["Margins", "bar", "dress", "live", "margins", "number", "short", "show_hz", "show_time", "title"]


@dataclass(frozen=True)
class Margins:
    left: float
    top: float
    right: float
    bottom: float


def margins(stage: Stage, has_title: bool, right: float = 16) -> Margins:
    """Around axes with labels on both; narrower where the plot is small."""
    small = stage.size.width < 420
    return Margins(58 if small else 66, 36 if has_title else 14, right, 44)


def title(stage: Stage, text: str | None, left: float) -> None:
    """The title, where the axes begin."""
    if text:
        stage.figure.text(
            left / stage.size.width,
            1 - 11 / stage.size.height,
            text,
            va="top",
            ha="left",
            color=stage.look.text,
            **stage.letters(13, fontweight="bold"),
        )


def dress(stage: Stage, axes: Axes, x_label: str, y_label: str, grid: bool = True) -> None:
    """Spines, ticks, grid and labels of axes."""
    look, area = stage.look, stage.areas[axes]
    for side, spine in axes.spines.items():
        spine.set(visible=side in ("left", "bottom"), color=look.edge, linewidth=POINT)
    axes.tick_params(
        which="both",
        length=4 * POINT,
        width=POINT,
        pad=4 * POINT,
        color=look.edge,
        labelcolor=look.soft,
        labelsize=11 * POINT,
        labelfontfamily="DejaVu Sans",
    )
    axes.tick_params(which="minor", length=2.5 * POINT)
    axes.set_axisbelow(True)
    if grid:
        axes.grid(True, color=look.grid, linewidth=POINT, linestyle="-", alpha=1.0)
    else:
        axes.grid(False)
    ratio = stage.size.ratio
    axes.xaxis.set_major_locator(_locator(area.width / ratio / 64))
    axes.yaxis.set_major_locator(_locator(area.height / ratio / 34))
    label(stage, axes, x_label, y_label)


def label(stage: Stage, axes: Axes, x_label: str, y_label: str) -> None:
    """What the axes show, at places that do not depend on how wide the numbers are."""
    letters = stage.letters(11.5, color=stage.look.text)
    pixels = Affine2D().scale(stage.size.ratio)
    axes.set_xlabel(x_label, **letters)
    axes.set_ylabel(y_label, **letters)
    bottom = (stage.height - stage.areas[axes].bottom) / stage.size.ratio
    axes.xaxis.set_label_coords(0.5, bottom - 22, blended_transform_factory(axes.transAxes, pixels))
    axes.yaxis.set_label_coords(17, 0.5, blended_transform_factory(pixels, axes.transAxes))


def show_time(axes: Axes, seconds: float) -> str:
    """The x axis is seconds before now, in ms where there are few; returns its label."""
    axes.set_xlim(-seconds, 0)
    factor, unit = (1000.0, "ms") if seconds < 1 else (1.0, "s")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value * factor)))
    return f"Time ({unit})"


def show_hz(axis: Axis) -> None:
    """An axis in Hz whose ticks are kHz."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: number(value / 1000)))


def bar(stage: Stage, beside: Axes, cmap: Colormap, low: float, high: float, text: str) -> Axes:
    """What the colours mean: a bar at the right, in the margin beside some axes."""
    room, ratio = stage.areas[beside], stage.size.ratio
    right = (stage.width - room.right) / ratio
    top, bottom = room.top / ratio, (stage.height - room.bottom) / ratio
    axes = stage.axes(stage.size.width - right + 12, top, right - 12 - 9, bottom)
    stage.figure.colorbar(ScalarMappable(Normalize(low, high), cmap), cax=axes)
    dress(stage, axes, "", "", grid=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
        axes.xaxis.set_visible(False)
    axes.yaxis.set_major_formatter(lambda value, _: number(value))
    axes.yaxis.set_label_position("right")
    axes.set_ylabel(text, **stage.letters(11.5, color=stage.look.text))
    pixels = Affine2D().scale(ratio)
    axes.yaxis.set_label_coords(stage.size.width - 19, 0.5, blended_transform_factory(pixels, axes.transAxes))
    return axes


def live(stage: Stage, artist: Any) -> Any:
    """The same artist, left out of what the stage keeps."""
    assert isinstance(artist, Artist)
    artist.set_animated(stage.live)
    return artist


def number(value: float) -> str:
    """A number on an axis, with a minus of its own width."""
    return f"{value:.6g}".replace("-", "−")


def short(value: float) -> str:
    """A large number on an axis: 20k, 1.5M."""
    size = abs(value)
    if size >= 1e6:
        return f"{number(value / 1e6)}M"
    return f"{number(value / 1000)}k" if size >= 1e4 else number(value)


def _locator(ticks: float) -> MaxNLocator:
    return MaxNLocator(nbins=max(2, round(ticks)), steps=[1, 2, 2.5, 5, 10], min_n_ticks=2)
