"""The halls of an engine, and the sessions of their clients: each begins and ends with its client."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

from smallrtc_lab.framing import Header

from .bridge import Bridge
from .hall import Hall
from .relaying.door import LinkDoor
from .relaying.visitors import VisitorSockets
from .session import Session

__all__ = ["Halls"]

logger = logging.getLogger(__name__)

_OPTIONS = {"waits_for_kernel": True, "audio": True, "video": True, "keep_s": 0.0}


class Halls:
    """Halls by name, and their clients' sessions by name. On the engine's loop."""

    def __init__(self, bridge: Bridge, executor: Executor, send: Callable[[Header, bytes], object]) -> None:
        self._bridge = bridge
        self._send = send
        self._executor = executor
        self._halls: dict[str, Hall] = {}
        self._visitors: dict[str, VisitorSockets] = {}  # by hall
        self._guests: dict[str, Session] = {}
        self._ending: set[asyncio.Task[None]] = set()

    def find(self, name: str) -> Hall | None:
        """The hall of that name."""
        return self._halls.get(name)

    def guest(self, name: str) -> Session | None:
        """The session of a client."""
        return self._guests.get(name)

    @property
    def live(self) -> bool:
        """Whether media of any client flows."""
        return any(guest.flow.live for guest in self._guests.values())

    def open(self, name: str, options: dict[str, Any], welcome: Header) -> None:
        """Make a hall, unless there is one of that name."""
        if name in self._halls:
            return
        hall = self._halls[name] = Hall(name, options, self._bridge, self._begin_guest, self._end_guest)
        door = LinkDoor(name, self._send)
        self._visitors[name] = VisitorSockets(door, lambda visitor: hall.relays_of(visitor, door))
        if welcome:
            hall.welcomed(welcome)

    def welcomed(self, welcome: Header) -> None:
        """The server said hello: its ICE servers and limits hold."""
        for hall in self._halls.values():
            hall.welcomed(welcome)

    def relayed(self, name: str, header: Header, payload: bytes) -> bool:
        """A relay socket of a client's opened, closed or brought a packet; False when there is no such hall."""
        if name in self._visitors:
            self._visitors[name].received(header, payload)
        return name in self._visitors

    def link_lost(self) -> None:
        """Every relay socket is gone."""
        for visitors in self._visitors.values():
            visitors.clear()

    def announcements(self) -> list[Header]:
        """What the server is told of them."""
        return [
            {"type": "session-open", "session": name, "serves": True, "guest_token": hall.guest_token}
            for name, hall in self._halls.items()
        ]

    async def close(self, name: str) -> bool:
        """Serve no longer: every client is told. False when there is no such hall."""
        hall = self._halls.pop(name, None)
        self._visitors.pop(name, None)
        if hall is not None:
            await hall.close()
        return hall is not None

    async def close_all(self) -> None:
        """Every hall, and every client's session."""
        for name in list(self._halls):
            await self.close(name)
        for name in list(self._guests):
            self._end_guest(name)
        await asyncio.gather(*self._ending, return_exceptions=True)

    def _begin_guest(self, name: str) -> Session:
        """A session that no page has: its client came by a hall."""
        guest = Session(name, _OPTIONS, self._bridge, self._executor, lambda page, message: None)
        self._guests[name] = guest
        return guest

    def _end_guest(self, name: str) -> None:
        """Its client has gone; the session ends once its kernel was told."""
        guest = self._guests.get(name)
        if guest is not None:
            task = asyncio.get_running_loop().create_task(self._close_guest(name, guest), name=f"end {name}")
            self._ending.add(task)
            task.add_done_callback(self._ended)

    async def _close_guest(self, name: str, guest: Session) -> None:
        await guest.close()
        self._guests.pop(name, None)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._ending.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("a client's session did not end cleanly", exc_info=error)
