"""The Jupyter server extension: pages and engines meet here.

``jupyter-config/smallrtc_lab.json`` enables it; ``c.SmallRTCLab.…`` configures it (see ``config.py``).
"""

from __future__ import annotations

from typing import Any

__all__ = ["_jupyter_server_extension_points"]


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """What Jupyter asks an extension for."""
    from .app import SmallRTCLab  # so that importing this package for one of its parts stays cheap

    return [{"module": "smallrtc_lab.server", "app": SmallRTCLab}]
