"""Figures that a person's own function draws on: their options, and axes dressed as those of the other plots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .drawing import Theme
from .options import OPTIONS, Option

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["CUSTOM_OPTIONS", "SOUND", "axes_facts", "dressed_figure"]

SOUND = "microphone"
_COMMON = ("title", "width", "height", "style")
CUSTOM_OPTIONS = {
    "source": Option(
        SOUND,
        "choice",
        "What the function gets: the sound's last seconds as a clip, or the newest picture as a frame.",
        choices=(SOUND, "camera", "screen"),
    ),
    "seconds": Option(1.0, "number", "How much sound the function gets.", "s", 0.001, 30),
    **{name: OPTIONS["spectrum"][name] for name in _COMMON},
    "rate_hz": Option(10.0, "number", "How often it is drawn at most.", "pictures a second", 0.1, 60),
}


def dressed_figure(
    width: int, height: int, ratio: float, style: str | None, theme: Theme, title: str | None
) -> tuple[Figure, Axes]:
    """An empty figure of CSS pixels and its axes, in the colours of the theme or the style."""
    from .quiet import hush_font_cache

    hush_font_cache()
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    from .look import look_of
    from .shown import ShownFigure

    look = look_of(style, theme)
    figure = ShownFigure((width / 100, height / 100), 100 * ratio, facecolor=look.face, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.set(facecolor=look.area)
    axes.set_prop_cycle(color=look.lines)
    axes.tick_params(color=look.edge, labelcolor=look.soft, labelsize=8, width=0.7)
    axes.grid(True, color=look.grid, linewidth=0.7)
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set(visible=side in ("left", "bottom"), color=look.edge, linewidth=0.7)
    for text in (axes.xaxis.label, axes.yaxis.label, axes.title):
        text.set(color=look.text, fontsize=9)
    if title:
        figure.suptitle(title, color=look.text, fontsize=10, fontweight="bold")
    return figure, axes


def axes_facts(figure: Figure, ratio: float) -> list[dict[str, Any]]:
    """Of each axes: its ``box`` (left, top, right, bottom) in CSS pixels, ``x`` and ``y`` as (first, last, scale).

    Axes whose scale is neither linear nor logarithmic are left out.
    """
    height = figure.bbox.height
    facts = []
    for axes in figure.axes:
        box = axes.bbox
        scales = (axes.get_xscale(), axes.get_yscale())
        if not set(scales) <= {"linear", "log"}:
            continue
        edges = (box.x0, height - box.y1, box.x1, height - box.y0)
        x, y = axes.get_xlim(), axes.get_ylim()
        facts.append(
            {
                "box": [edge / ratio for edge in edges],
                "x": [float(x[0]), float(x[1]), scales[0]],
                "y": [float(y[0]), float(y[1]), scales[1]],
            }
        )
    return facts
