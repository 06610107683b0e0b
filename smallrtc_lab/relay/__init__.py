"""Sound, pictures and messages over a WebSocket, where WebRTC finds no path. Everything here is without I/O."""

__all__: list[str] = []
