"""Figures that show themselves."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest
from PIL import Image

from smallrtc_lab.plots.custom import dressed_figure
from smallrtc_lab.plots.making import make_figure

ARRAYS = {"times_s": np.arange(100) / 48000, "samples": np.zeros(100, np.float32)}


def test_a_figure_is_its_own_picture() -> None:
    """A PNG of two pixels a CSS pixel, in the size of the plot, without pyplot; a custom one likewise."""
    for figure in (
        make_figure("waveform", {"width": 300, "height": 100}, ARRAYS),
        dressed_figure(300, 100, 1.0, None, "light", "Title")[0],
    ):
        content, size = figure._repr_png_()
        assert size == {"width": 300, "height": 100}
        assert Image.open(io.BytesIO(content)).size == (600, 200)
    assert "matplotlib.pyplot" not in sys.modules


def test_a_figure_with_a_person_is_shown_and_not_saved() -> None:
    """It answers IPython's first question by itself, so that no picture of it gets into the notebook's file."""
    figure = make_figure("waveform", {"width": 300, "height": 100}, ARRAYS)
    with pytest.raises(NotImplementedError):
        figure._ipython_display_()
    seen: list[bytes] = []
    figure.show_unsaved = seen.append
    figure._ipython_display_()
    assert Image.open(io.BytesIO(seen[0])).size == (600, 200)
