"""How much work a session sheds to hold its delay."""

from __future__ import annotations

from typing import Any

__all__ = ["Budget"]


class Budget:
    """What others read: ``plot_rate_factor`` (1.0, or less while plots are drawn more rarely)."""

    def __init__(self) -> None:
        self.plot_rate_factor = 1.0

    def describe(self) -> dict[str, Any] | None:
        """For ``lab.stats()``."""
        return None
