"""What both WebSocket routes share, and how the broker sees one."""

from __future__ import annotations

import asyncio
from typing import Any

from jupyter_server.base.websocket import WebSocketMixin
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from smallrtc_lab.errors import RequestError
from smallrtc_lab.server.broker import Broker

from .errors import JsonErrors

__all__ = ["SocketRoute", "SocketWire"]

_MAX_REASON_BYTES = 123  # RFC 6455, section 5.5: a control frame holds 125 bytes, two of them the code


class SocketRoute(WebSocketMixin, WebSocketHandler, JsonErrors):  # type: ignore[misc]
    """A WebSocket with Jupyter's pings, without compression and without delay."""

    def initialize(self, broker: Broker) -> None:
        """Called by tornado with the route's own arguments."""
        self.broker = broker
        self.ended = asyncio.Event()

    def set_default_headers(self) -> None:
        """Headers for pages make no sense here, as in Jupyter's own WebSockets."""

    def get_compression_options(self) -> dict[str, Any] | None:
        """None: it costs more than the few bytes are worth."""
        return None

    def require_upgrade(self) -> None:
        """Raises 400 for a plain request, which tornado would answer without JSON."""
        if self.request.headers.get("Upgrade", "").lower() != "websocket":
            raise RequestError(400, "not-a-websocket", "This address takes a WebSocket only.")

    def hurry(self) -> None:
        """Send small messages at once (TCP_NODELAY): Nagle's algorithm, left on, costs some 40 ms."""
        self.set_nodelay(True)


class SocketWire:
    """A WebSocket route as the broker's :class:`~smallrtc_lab.server.outbox.Wire`."""

    def __init__(self, route: SocketRoute) -> None:
        self._route = route

    async def send(self, message: str | bytes) -> None:
        """Write one message; text for ``str``, binary for ``bytes``."""
        try:
            await self._route.write_message(message, binary=isinstance(message, bytes))
        except WebSocketClosedError:
            raise ConnectionError("the WebSocket is closed") from None

    def close(self, code: int, reason: str) -> None:
        """Begin the closing handshake."""
        self._route.close(code, reason.encode()[:_MAX_REASON_BYTES].decode(errors="ignore"))

    def abort(self) -> None:
        """Cut the connection; the route's ``on_close`` follows."""
        connection: Any = self._route.ws_connection
        if connection is not None:
            connection.stream.close()

    async def wait_closed(self) -> None:
        """Returns when ``on_close`` has run."""
        await self._route.ended.wait()
