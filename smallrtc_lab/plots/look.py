"""Colours and letters of a plot: those of the page's theme, or of a matplotlib style.

Every artist gets its colours explicitly. matplotlib's own way, ``rc_context``, changes the whole process, and two
drawings in two threads would fight.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import matplotlib.style
import numpy as np
from matplotlib.colors import Colormap, to_hex, to_rgb

from .drawing import Pixels, Theme

__all__ = ["DARK", "LIGHT", "POINT", "Look", "colour_map", "colour_table", "look_of"]

POINT = 0.72  # a CSS pixel in points, with 100 CSS pixels an inch


@dataclass(frozen=True)
class Look:
    """Colours as matplotlib takes them; ``lines`` for what is shown, in turn; ``rgb`` for a picture's channels."""

    face: str
    area: str
    text: str
    soft: str
    edge: str
    grid: str
    missing: str
    mark: str
    lines: tuple[str, ...]
    rgb: tuple[str, str, str]


LIGHT = Look(
    face="#ffffff",
    area="#ffffff",
    text="#1f2328",
    soft="#57606a",
    edge="#b6bcc4",
    grid="#e6e9ed",
    missing="#b9a5a5",
    mark="#c2255c",
    lines=("#1668c5", "#d9730d", "#2c7a3a", "#8250df", "#c62828", "#0f7c8a"),
    rgb=("#d32f2f", "#2e8b3d", "#1f6fd6"),
)
DARK = Look(
    face="#212121",
    area="#212121",
    text="#e8eaed",
    soft="#a5acb5",
    edge="#5c6066",
    grid="#36383b",
    missing="#7d6464",
    mark="#ff86b0",
    lines=("#6db1ff", "#f5a95c", "#6fd08a", "#c29bff", "#ff8a80", "#5fd0dc"),
    rgb=("#ff6f69", "#67cf7f", "#69aefc"),
)


def look_of(style: str | None, theme: Theme) -> Look:
    """The look of ``"light"``, ``"dark"`` or a matplotlib style; None is that of the page's theme.

    Raises :class:`ValueError` for a style that does not exist and names the nearest one.
    """
    if style in (None, "light", "dark"):
        return DARK if (style or theme) == "dark" else LIGHT
    if style == "default":
        return _from_style({})
    if style not in mpl.style.library:
        raise ValueError(_no_such("style", str(style), ["light", "dark", *mpl.style.library]))
    return _from_style(mpl.style.library[style])


def _from_style(style: Any) -> Look:
    settings = {**mpl.rcParamsDefault, **style}
    face, area = settings["figure.facecolor"], settings["axes.facecolor"]
    text = settings["axes.labelcolor"]
    cycle = settings["axes.prop_cycle"].by_key().get("color", list(LIGHT.lines))
    lines = tuple(to_hex(colour) for colour in (cycle * 6)[:6])
    dark = sum(to_rgb(area)) < 1.5
    basis = DARK if dark else LIGHT
    edge = settings["axes.edgecolor"]
    return Look(
        face=to_hex(face),
        area=to_hex(area),
        text=to_hex(text),
        soft=to_hex(settings["xtick.color"]),
        edge=basis.edge if to_hex(edge) == to_hex(area) else to_hex(edge),
        grid=to_hex(settings["grid.color"]) if settings["axes.grid"] else _between(area, text, 0.15),
        missing=basis.missing,
        mark=basis.mark,
        lines=lines,
        rgb=basis.rgb,
    )


def _between(first: str, second: str, share: float) -> str:
    return to_hex([(1 - share) * a + share * b for a, b in zip(to_rgb(first), to_rgb(second), strict=True)])


def colour_map(name: str) -> Colormap:
    """The matplotlib colour map of this name; raises :class:`ValueError` and names the nearest one."""
    if name not in mpl.colormaps:
        raise ValueError(_no_such("colour map", name, list(mpl.colormaps)))
    return mpl.colormaps[name]


def colour_table(name: str) -> Pixels:
    """(256, 4) uint8 RGBX: the colours of a map from its lowest to its highest value."""
    table: Pixels = colour_map(name)(np.linspace(0, 1, 256), bytes=True)
    table[:, 3] = 255
    return table


def _no_such(what: str, name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f'did you mean "{near[0]}"?' if near else f"there are {', '.join(known)}"
    return f"there is no {what} called {name!r}; {hint}"
