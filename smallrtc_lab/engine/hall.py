"""A served bot's meeting place: any number of clients, each with a session of its own that the kernel's bot sees."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable
from typing import Any, Protocol

from smallrtc_lab.framing import Header
from smallrtc_lab.rtc.connection import SmallWebRTCConnection
from smallrtc_lab.rtc.requests import (
    ConnectionMode,
    SmallWebRTCPatchRequest,
    SmallWebRTCRequest,
    SmallWebRTCRequestHandler,
)

from .bridge import Bridge
from .ice_servers import IceServers

__all__ = ["ClientSession", "Hall"]

logger = logging.getLogger(__name__)


class ClientSession(Protocol):
    """What a hall needs of a client's session; :class:`~.session.Session` has it."""

    async def adopt(self, connection: SmallWebRTCConnection) -> None:
        """This is its client. The kernel says when it is ready for it."""

    async def close(self) -> None:
        """The client has left or must leave."""


class Hall:
    """Answers offers and candidates of clients from outside. ``make_session(name)`` makes the session of one.

    The kernel is told ``client`` for each, with its session's name and what it brought; the bot there asks for its
    pictures and sound. A client whose kernel is busy waits, connected.
    """

    def __init__(
        self,
        name: str,
        options: dict[str, Any],
        bridge: Bridge,
        make_session: Callable[[str], ClientSession],
        end_session: Callable[[str], Any],
    ) -> None:
        self.name = name
        self._bridge = bridge
        self._make_session = make_session
        self._end_session = end_session
        self._numbers = itertools.count(1)
        self._sessions: dict[int, str] = {}
        self.guest_token: str | None = options.get("guest_token")
        self._asked: int | None = options.get("max_connections")
        self._handler = SmallWebRTCRequestHandler(
            connection_mode=ConnectionMode(options["mode"]), max_connections=self._asked
        )
        self._ice_servers = IceServers(None, use=self._handler.update_ice_servers, events=self)

    def welcomed(self, welcome: Header) -> None:
        """The server's ICE servers and limits hold from now on."""
        self._ice_servers.offered_by_server(welcome.get("ice_servers") or [])
        allowed = [self._asked, welcome.get("limits", {}).get("max_connections")]
        self._handler.limit_connections(min((n for n in allowed if n is not None), default=None))

    async def offer(self, body: dict[str, Any]) -> dict[str, Any]:
        """Answer an offer; raises :class:`RequestError`."""
        request = SmallWebRTCRequest.from_dict(body)

        async def adopt(connection: SmallWebRTCConnection) -> None:
            await self._take_in(connection, request.request_data, body.get("session_id"))

        return dict(await self._handler.handle_web_request(request, adopt))

    async def patch(self, body: dict[str, Any]) -> dict[str, Any]:
        """Take a client's candidates; raises :class:`RequestError`."""
        await self._handler.handle_patch_request(SmallWebRTCPatchRequest.from_dict(body))
        return {"status": "success"}

    async def close(self) -> None:
        """No more clients; those that are here are told."""
        await self._ice_servers.close()
        await self._handler.close()

    def problem(self, code: str, message: str, next_step: str) -> None:
        """The kernel says it under the cell that serves."""
        self._bridge.event(self.name, "problem", problem={"message": message, "next_step": next_step})

    def clear_problem(self, code: str) -> None:
        """What was said under a cell stays there."""

    async def _take_in(self, connection: SmallWebRTCConnection, body: Any, session_id: Any) -> None:
        name = f"{self.name}.{next(self._numbers)}"
        session = self._make_session(name)
        connection.call_when_closed(lambda _: self._end_session(name))
        self._bridge.event(
            self.name,
            "client",
            client=name,
            pc_id=connection.pc_id,
            body=body,
            session_id=session_id if isinstance(session_id, str) else None,
        )
        await session.adopt(connection)
