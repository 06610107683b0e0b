"""Plots by their kind: what is drawn live, and the figure that looks like it. matplotlib is loaded with the first."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from typing import Any

from .drawing import Drawing
from .options import checked, checked_marks
from .quiet import hush_font_cache

__all__ = ["make_drawing", "make_figure"]


def make_drawing(kind: str, options: Mapping[str, Any]) -> Drawing:
    """A plot of this kind. Raises as :func:`~.options.checked` does, and :class:`ValueError` for a style or colour map
    that matplotlib has not."""
    found = checked(kind, options)
    hush_font_cache()
    module = importlib.import_module(f".{kind}", __package__)
    drawing: Drawing = getattr(module, f"{kind.capitalize()}Drawing")(found)
    return drawing


def make_figure(
    kind: str, options: Mapping[str, Any], arrays: Mapping[str, Any], marks: Iterable[Mapping[str, Any]] = ()
) -> Any:
    """A ``matplotlib.figure.Figure`` that looks as the drawing does, made of its :meth:`Drawing.arrays` alone."""
    from .figured import figure_of

    return figure_of(make_drawing(kind, options), arrays, checked_marks(kind, marks))
