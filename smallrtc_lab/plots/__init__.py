"""Live plots: real matplotlib figures drawn from sound and pictures; pixels and arrays out, no I/O."""

from __future__ import annotations

__all__: list[str] = []
