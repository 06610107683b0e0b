"""Figures that a notebook shows by themselves, also where ``pyplot`` was never imported."""

from __future__ import annotations

import io

from matplotlib.figure import Figure

__all__ = ["ShownFigure"]

_RATIO = 2  # sharp on screens of two device pixels a CSS pixel


class ShownFigure(Figure):
    """A matplotlib figure that is seen as the last expression of a cell.

    IPython asks an object for its picture; matplotlib teaches it to draw figures only with ``pyplot``'s inline backend,
    which, where it is loaded, goes before this.
    """

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        """A PNG file, and the size in CSS pixels that it is shown in."""
        file = io.BytesIO()
        self.savefig(file, format="png", dpi=_RATIO * self.dpi)
        width, height = (int(side) for side in self.bbox.size)
        return file.getvalue(), {"width": width, "height": height}
