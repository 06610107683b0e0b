"""How many processors may be used here, and how busy they are."""

from __future__ import annotations

__all__: list[str] = []
