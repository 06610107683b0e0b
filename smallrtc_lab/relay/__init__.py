"""Sound, pictures and messages over a WebSocket, where WebRTC finds no path. Everything here is without I/O."""

from __future__ import annotations

__all__: list[str] = []
