"""A served bot's meeting place: any number of clients, each with a session of its own that the kernel's bot sees."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from smallrtc_lab.conversation import Conversations
from smallrtc_lab.errors import RequestError
from smallrtc_lab.framing import Header
from smallrtc_lab.rtc.connection import SmallWebRTCConnection
from smallrtc_lab.rtc.requests import (
    ConnectionMode,
    SmallWebRTCPatchRequest,
    SmallWebRTCRequest,
    SmallWebRTCRequestHandler,
    too_many,
)

from .bridge import Bridge
from .connections import SessionConnection
from .ice_servers import IceServers
from .relaying.connection import RelayConnection
from .relaying.sockets import RelayDoor, RelaySockets
from .relaying.visitors import Visitor

__all__ = ["ClientSession", "Hall"]

logger = logging.getLogger(__name__)


class ClientSession(Protocol):
    """What a hall needs of a client's session; :class:`~.session.Session` has it."""

    on_gone: Callable[[], None]  # its client has left for good

    async def adopt(self, connection: SessionConnection) -> None:
        """This is its client. The kernel says when it is ready for it."""

    async def go_on(self, connection: SessionConnection) -> None:
        """The same client by another way."""

    async def close(self) -> None:
        """The client has left or must leave."""


class _Guest:
    """A client that is known by the name that ``start`` gave it, so that it may come by more ways than one."""

    def __init__(self) -> None:
        self.conversations = Conversations()
        self.session: ClientSession | None = None
        self.webrtc: SmallWebRTCConnection | None = None
        self.sockets: RelaySockets | None = None


class Hall:
    """Answers offers and candidates of clients from outside. ``make_session(name)`` makes the session of one.

    The kernel is told ``client`` for each, with its session's name and what it brought; the bot there asks for its
    pictures and sound. A client whose kernel is busy waits, connected. One that opens relay sockets where WebRTC finds
    no way is the same client by all its ways: the name that ``start`` gave it says so.
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
        self._sessions: set[str] = set()
        self._guests: dict[str, _Guest] = {}
        self.guest_token: str | None = options.get("guest_token")
        self._asked: int | None = options.get("max_connections")
        self._most = self._asked
        self._mode = ConnectionMode(options["mode"])
        self._handler = SmallWebRTCRequestHandler(connection_mode=self._mode, max_connections=self._asked)
        self._ice_servers = IceServers(None, use=self._handler.update_ice_servers, events=self)

    def welcomed(self, welcome: Header) -> None:
        """The server's ICE servers and limits hold from now on."""
        self._ice_servers.offered_by_server(welcome.get("ice_servers") or [])
        allowed = [self._asked, welcome.get("limits", {}).get("max_connections")]
        self._most = min((n for n in allowed if n is not None), default=None)
        self._handler.limit_connections(self._most)

    async def offer(self, body: dict[str, Any]) -> dict[str, Any]:
        """Answer an offer; raises :class:`RequestError`."""
        request = SmallWebRTCRequest.from_dict(body)
        await self._ice_servers.needed()
        name, conversation = _text(body.get("session_id")), _text(body.get("conversation"))
        guest = self._guest(name) if name is not None and body.get("relays") is True else None
        if guest is not None and guest.session is None and request.pc_id is not None:
            conversation = None  # its numbers were another engine's

        async def adopt(connection: SmallWebRTCConnection) -> None:
            if guest is not None:
                guest.webrtc = connection
                if conversation is not None:
                    connection.converse(guest.conversations.of(conversation))
            await self._meet(connection, request.request_data, name, guest)

        if guest is not None and guest.webrtc is not None and request.pc_id is None:
            await guest.webrtc.let_go()  # its page has forgotten it
        answer: dict[str, Any] = {**await self._handler.handle_web_request(request, adopt)}
        return answer if guest is None or conversation is None else {**answer, "conversation": True}

    def relays_of(self, visitor: Visitor, door: RelayDoor) -> RelaySockets:
        """Who takes the packets of a client's relay socket."""
        guest = self._guest(visitor.name)

        async def admit(page: str | None, connection: RelayConnection) -> None:
            if guest.session is None:
                self._check_room()
            await self._meet(connection, visitor.body, visitor.session_id, guest)

        if guest.sockets is None:
            guest.sockets = RelaySockets(door, admit, guest.conversations)
        return guest.sockets

    async def patch(self, body: dict[str, Any]) -> dict[str, Any]:
        """Take a client's candidates; raises :class:`RequestError`."""
        await self._handler.handle_patch_request(SmallWebRTCPatchRequest.from_dict(body))
        return {"status": "success"}

    async def close(self) -> None:
        """No more clients; those that are here are told."""
        await self._ice_servers.close()
        await self._handler.close()
        for guest in list(self._guests.values()):
            if guest.sockets is not None:
                await guest.sockets.close()

    def problem(self, code: str, message: str, next_step: str) -> None:
        """The kernel says it under the cell that serves."""
        self._bridge.event(self.name, "problem", problem={"message": message, "next_step": next_step})

    def clear_problem(self, code: str) -> None:
        """What was said under a cell stays there."""

    def _guest(self, name: str) -> _Guest:
        """Who came by that name, or comes for the first time; those who never came in are forgotten."""
        for other, guest in list(self._guests.items()):
            if guest.session is None and other != name and not guest.sockets:
                del self._guests[other]
        return self._guests.setdefault(name, _Guest())

    def _check_room(self) -> None:
        """As the handler does, for who comes by a relay socket first."""
        count = len(self._sessions)
        if count and self._mode is ConnectionMode.SINGLE:
            raise RequestError(400, "busy", "another client is connected; only one is allowed at a time")
        if self._most is not None and count >= self._most:
            raise RequestError(429, "too-many", too_many(count))

    async def _meet(
        self, connection: SessionConnection, body: Any, session_id: str | None, guest: _Guest | None
    ) -> None:
        if guest is not None and guest.session is not None:
            await guest.session.go_on(connection)
            return
        name = f"{self.name}.{next(self._numbers)}"
        session = self._make_session(name)
        session.on_gone = partial(self._gone, name, guest)
        self._sessions.add(name)
        if guest is not None:
            guest.session = session
        about = {"client": name, "pc_id": connection.pc_id, "body": body, "session_id": session_id}
        self._bridge.event(self.name, "client", **about)
        await session.adopt(connection)

    def _gone(self, name: str, guest: _Guest | None) -> None:
        self._sessions.discard(name)
        self._guests = {key: one for key, one in self._guests.items() if one is not guest}
        self._end_session(name)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
