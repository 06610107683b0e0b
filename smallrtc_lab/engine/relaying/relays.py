"""Relayed pages of all sessions, at the engine's end of the link.

Packets travel on the link as ``media`` messages with the page's key and the packet as payload. It is the machine's own
loopback: what could stand before them there, the largest picture that a server takes, passes within milliseconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from smallrtc_lab.engine.session import Session
from smallrtc_lab.framing import Header

from .door import LinkDoor
from .sockets import RelaySockets

__all__ = ["Relays"]


class Relays:
    """``sessions`` are those there are now; ``send`` writes on the link."""

    def __init__(self, sessions: Mapping[str, Session], send: Callable[[Header, bytes], None]) -> None:
        self._sessions = sessions
        self._send = send
        self._sockets: dict[str, RelaySockets] = {}

    def received(self, header: Header, payload: bytes) -> None:
        """A relay socket opened, closed, or brought a packet: ``media-open``, ``media-close``, ``media``."""
        name, key = str(header.get("session")), str(header.get("page"))
        session = self._sessions.get(name)
        if session is None:
            return
        if name not in self._sockets:
            self._sockets[name] = RelaySockets(
                LinkDoor(name, self._send), session.reception.relay, session.reception.conversations
            )
        sockets = self._sockets[name]
        match header.get("type"):
            case "media-open":
                sockets.opened(key)
            case "media":
                sockets.received(key, payload)
            case "media-close":
                sockets.closed(key)

    def clear(self) -> None:
        """The link was lost."""
        for sockets in self._sockets.values():
            sockets.clear()

    async def close(self, session: str) -> None:
        """That session ends."""
        sockets = self._sockets.pop(session, None)
        if sockets is not None:
            await sockets.close()

    async def close_all(self) -> None:
        """The engine ends."""
        await asyncio.gather(*(self.close(name) for name in list(self._sockets)))
