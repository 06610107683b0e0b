"""What matplotlib says of its font cache."""

from __future__ import annotations

import logging

import pytest

from smallrtc_lab.plots.quiet import hush_font_cache


def test_a_first_plot_is_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    """That the cache is built is kept back, once; all else that the logger says comes through."""
    hush_font_cache()
    hush_font_cache()
    logger = logging.getLogger("matplotlib.font_manager")
    logger.warning("Matplotlib is building the font cache; this may take a moment.")
    logger.warning("findfont: Font family %s not found.", "'Comic'")
    assert [record.getMessage() for record in caplog.records] == ["findfont: Font family 'Comic' not found."]
    assert sum(type(one).__name__ == "_NoFontCache" for one in logger.filters) == 1
