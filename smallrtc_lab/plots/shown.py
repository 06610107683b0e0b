"""Figures that a notebook shows by themselves, also where ``pyplot`` was never imported."""

from __future__ import annotations

import io
from collections.abc import Callable

from matplotlib.figure import Figure

__all__ = ["ShownFigure"]

_RATIO = 2  # sharp on screens of two device pixels a CSS pixel


class ShownFigure(Figure):
    """A matplotlib figure that is seen as the last expression of a cell.

    IPython asks an object for its picture; matplotlib teaches it to draw figures only with ``pyplot``'s inline backend,
    which, where it is loaded, goes before this.
    """

    show_unsaved: Callable[[bytes], None] | None = (
        None  # a PNG file with a person in it: shown, and not saved
    )

    def _ipython_display_(self) -> None:
        """IPython's first question; NotImplementedError leaves it to the other answers."""
        if self.show_unsaved is None:
            raise NotImplementedError
        self.show_unsaved(self._repr_png_()[0])

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        """A PNG file, and the size in CSS pixels that it is shown in."""
        file = io.BytesIO()
        self.savefig(file, format="png", dpi=_RATIO * self.dpi)
        width, height = (int(side) for side in self.bbox.size)
        return file.getvalue(), {"width": width, "height": height}
