"""What matplotlib says of its font cache is not shown to a person who asked for a plot."""

from __future__ import annotations

import logging

__all__ = ["hush_font_cache"]

_LOGGER = "matplotlib.font_manager"


class _NoFontCache(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return "building the font cache" not in record.getMessage()


def hush_font_cache() -> None:
    """To be called before matplotlib is loaded. Other words of that logger are let through.

    The first plot on a machine takes some seconds, and the plot says that it waits; a warning, red in a cell, would say
    that something is wrong.
    """
    logger = logging.getLogger(_LOGGER)
    if not any(isinstance(one, _NoFontCache) for one in logger.filters):
        logger.addFilter(_NoFontCache())
