"""What kind of place this process runs at. The only module here that knows operating systems apart."""

from __future__ import annotations

import os
import sys

__all__ = ["has_display", "is_root"]


def has_display() -> bool:
    """Whether a browser window can be seen here; a set BROWSER is the person's own word that it can."""
    if not sys.platform.startswith("linux"):
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))


def is_root() -> bool:
    """Whether this process is root, whom Jupyter serves only when told so."""
    return hasattr(os, "geteuid") and os.geteuid() == 0
