"""Relay sockets of what is served: each belongs to the client whose invitation opened it, and to nobody else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from smallrtc_lab.errors import RequestError
from smallrtc_lab.framing import Header

from .sockets import REFUSED, RelayDoor

__all__ = ["PacketTaker", "Visitor", "VisitorSockets"]


@dataclass(frozen=True)
class Visitor:
    """Who opened a relay socket. ``session_id`` is the name that ``start`` gave out and ``body`` what it was told;
    ``name`` is the same, or the socket's own key for who came without a name.
    """

    name: str
    session_id: str | None = None
    body: Any = field(default=None, repr=False)


class PacketTaker(Protocol):
    """One client's side of its sockets; :class:`~.sockets.RelaySockets` is one."""

    def opened(self, key: str) -> None:
        """A socket of the client's opened."""

    def received(self, key: str, content: bytes) -> None:
        """A packet came."""

    def closed(self, key: str) -> None:
        """The socket is gone."""


class VisitorSockets:
    """``taker_of(visitor)`` finds or makes a client's taker when its first packet comes, or raises ``RequestError``."""

    def __init__(self, door: RelayDoor, taker_of: Callable[[Visitor], PacketTaker]) -> None:
        self._door = door
        self._taker_of = taker_of
        self._visitors: dict[str, Visitor] = {}
        self._takers: dict[str, PacketTaker] = {}

    def received(self, header: Header, payload: bytes) -> None:
        """A socket opened, closed, or brought a packet: ``media-open``, ``media-close``, ``media``."""
        key = str(header.get("page"))
        match header.get("type"):
            case "media-open":
                self._visitors[key] = _visitor(key, header.get("client"))
            case "media" if key in self._visitors:
                taker = self._takers.get(key) or self._begin(key)
                if taker is not None:
                    taker.received(key, payload)
            case "media-close":
                self._closed(key)

    def clear(self) -> None:
        """The link was lost, and every socket with it."""
        for key in list(self._visitors):
            self._closed(key)

    def _begin(self, key: str) -> PacketTaker | None:
        try:
            taker = self._taker_of(self._visitors[key])
        except RequestError as error:
            del self._visitors[key]
            self._door.close(key, REFUSED, f"{error.code}: {error.message}")
            return None
        taker.opened(key)
        self._takers[key] = taker
        return taker

    def _closed(self, key: str) -> None:
        self._visitors.pop(key, None)
        taker = self._takers.pop(key, None)
        if taker is not None:
            taker.closed(key)


def _visitor(key: str, client: object) -> Visitor:
    told = client if isinstance(client, dict) else {}
    session_id = told.get("session_id")
    if not isinstance(session_id, str):
        return Visitor(key)
    return Visitor(session_id, session_id, told.get("body"))
