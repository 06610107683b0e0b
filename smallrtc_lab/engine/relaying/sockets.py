"""The relay sockets of one session: pages whose media cannot come by WebRTC, each with its connection.

opened ──hello──► admitted by the session, welcome ──► packets both ways ──► closed
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from smallrtc_lab.conversation import Conversations
from smallrtc_lab.errors import ProtocolError, RequestError
from smallrtc_lab.relay.packets import RELAY_VERSION, Control, parse

from .connection import RelayConnection

__all__ = ["REFUSED", "RelayDoor", "RelaySockets"]

logger = logging.getLogger(__name__)

_NOT_FOLLOWED = 4400
REFUSED = 4403  # `code: sentence` follows
_OVER = 1000


class RelayDoor(Protocol):
    """The other end of the sockets: the link to the server."""

    def send(self, key: str, content: bytes) -> None:
        """One packet to that page."""

    def close(self, key: str, code: int, reason: str) -> None:
        """Close that page's relay socket."""


class RelaySockets:
    """``admit(page, connection)`` makes a connection the session's; raises :class:`RequestError` to refuse it."""

    def __init__(
        self,
        door: RelayDoor,
        admit: Callable[[str | None, RelayConnection], Awaitable[None]],
        conversations: Conversations | None = None,
    ) -> None:
        self._door = door
        self._admit = admit
        self._sockets: dict[str, RelayConnection | None] = {}  # None: it has not said hello
        self._tasks: set[asyncio.Task[None]] = set()
        self._conversations = conversations or Conversations()

    def __len__(self) -> int:
        """How many are open."""
        return len(self._sockets)

    def opened(self, key: str) -> None:
        """A page's relay socket opened."""
        self._sockets[key] = None

    def received(self, key: str, content: bytes) -> None:
        """A packet came; a page that follows no rule is closed."""
        if key not in self._sockets:
            return
        try:
            packet = parse(content)
            connection = self._sockets[key]
            if connection is not None:
                connection.receive(packet, len(content))
            elif isinstance(packet, Control) and packet.body["type"] == "hello":
                self._greet(key, packet.body)
            else:
                raise ProtocolError("the first packet of a relay socket is hello")
        except ProtocolError as error:
            logger.warning("a relay socket is closed: %s", error)
            if (stranger := self._sockets[key]) is not None:
                stranger.left()
            self._hang_up(key, _NOT_FOLLOWED, str(error))

    def closed(self, key: str) -> None:
        """The socket is gone."""
        connection = self._sockets.pop(key, None)
        if connection is not None:
            connection.lost()

    def clear(self) -> None:
        """The link was lost, and every relay socket with it."""
        for key in list(self._sockets):
            self.closed(key)

    async def close(self) -> None:
        """End all of them."""
        for key, connection in list(self._sockets.items()):
            if connection is not None:
                await connection.disconnect()
            self._hang_up(key, _OVER, "the session has ended")
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _greet(self, key: str, hello: dict[str, Any]) -> None:
        if hello.get("version") != RELAY_VERSION:
            raise ProtocolError("this page runs another version of smallrtc-lab than the kernel: reload it")
        name = hello.get("conversation")
        conversation = self._conversations.of(name if isinstance(name, str) else key)
        connection = RelayConnection(hello, lambda content: self._door.send(key, content), conversation)
        connection.on_closed = lambda: self._hang_up(key, _OVER, "the connection has ended")
        self._sockets[key] = connection
        page = hello.get("page")
        task = asyncio.get_running_loop().create_task(
            self._take_in(key, page if isinstance(page, str) else None, connection), name="relay-admit"
        )
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    async def _take_in(self, key: str, page: str | None, connection: RelayConnection) -> None:
        try:
            await self._admit(page, connection)
        except RequestError as error:
            self._hang_up(key, REFUSED, f"{error.code}: {error.message}")
            await connection.disconnect()
            return
        connection.welcome()

    def _hang_up(self, key: str, code: int, reason: str) -> None:
        if key in self._sockets:
            connection = self._sockets.pop(key)
            self._door.close(key, code, reason)
            if connection is not None:
                connection.lost()

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("a relay socket could not be taken in", exc_info=error)
