"""Where a connection stands, and why it ended."""

from __future__ import annotations

import enum

__all__ = ["ConnectionState", "EndReason"]


class ConnectionState(enum.Enum):
    """As in W3C RTCPeerConnectionState; aiortc itself never says ``disconnected``."""

    NEW = "new"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    FAILED = "failed"
    CLOSED = "closed"


class EndReason(enum.Enum):
    """Why a connection was closed."""

    HERE = "here"  # disconnect() was called on this side
    LEFT = "left"  # the client closed its side
    LOST = "lost"  # the client's pings stopped
    FAILED = "failed"  # ICE or DTLS found no way, or lost it
    TIMEOUT = "timeout"  # never connected in time
