"""The built files of the front end, as anywidget takes them, and what stands in a notebook where nothing is live."""

from __future__ import annotations

import html
import os
import pathlib
from typing import Any

__all__ = ["front_end", "with_still"]

_STATIC = pathlib.Path(__file__).parent.parent / "static"


def front_end(name: str) -> str | pathlib.Path:
    """A built file of the front end. As a path, for hot reload, it keeps closed widgets in memory: anywidget#929."""
    path = _STATIC / name
    return path if os.environ.get("ANYWIDGET_HMR") == "1" else path.read_text(encoding="utf-8")


def with_still(bundle: Any, sentence: str) -> Any:
    """A widget's MIME bundle with a sentence for places without a kernel: an export, a preview, a diff."""
    if bundle is not None:
        bundle[0]["text/html"] = f"<p><em>{html.escape(sentence)}</em></p>"
    return bundle
