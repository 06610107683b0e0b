"""Serves a bot to many clients: answers the requests that come over the link, and runs one bot a client.

Every client has a thread and a loop of its own (:class:`BotRun`), and its peer connection lives there: what one
bot does, the others do not feel but for the interpreter they share. A client that may come by a relay socket, too,
is known by the name that ``start`` gave it (:class:`Guest`).
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field, replace
from typing import Any

from smallrtc_lab.engine.relaying.sockets import RelayDoor
from smallrtc_lab.engine.relaying.visitors import PacketTaker, Visitor
from smallrtc_lab.errors import RequestError
from smallrtc_lab.rtc.clients import ClientInfo
from smallrtc_lab.rtc.connection import SmallWebRTCConnection, to_ice_servers
from smallrtc_lab.rtc.requests import (
    ConnectionMode,
    SmallWebRTCPatchRequest,
    SmallWebRTCRequest,
    SmallWebRTCRequestHandler,
    too_many,
)

from .arguments import Bot, runner_arguments
from .guest import Guest
from .run import AFTER_CANCEL_S, BotRun, Report

__all__ = ["BotHost", "HostOptions"]

logger = logging.getLogger(__name__)

_OFFER_S = 10.0
_JOIN_S = AFTER_CANCEL_S + 1.0


@dataclass(frozen=True, kw_only=True)
class HostOptions:
    """How clients are taken: ``connection_options`` go to each :class:`SmallWebRTCConnection` as keywords, and
    ``esp32_host`` is the address that stays in answers for microcontrollers.
    """

    mode: ConnectionMode = ConnectionMode.MULTIPLE
    max_connections: int | None = None
    esp32_host: str | None = None
    connection_options: dict[str, Any] = field(default_factory=dict)


class _Client:
    """One bot at work, and the handler that makes and renegotiates its connection on the bot's loop."""

    def __init__(self, run: BotRun, handler: SmallWebRTCRequestHandler) -> None:
        self.run = run
        self.handler = handler
        self.pc_id: str | None = None
        self.session_id: str | None = None
        self.guest: Guest | None = None

    def info(self) -> ClientInfo | None:
        """Who it is now; None while its connection is being made, and when it has gone."""
        if self.guest is not None:
            return self.guest.info()
        known = self.handler.clients
        return replace(known[0], session_id=self.session_id) if known else None


class BotHost:
    """``offer`` and ``patch`` as the protocol has them; on one asyncio loop, the link's."""

    def __init__(self, bot: Bot, options: HostOptions, report: Report) -> None:
        self._bot = bot
        self._options = options
        self._report = report
        self._ice_servers: list[Any] = []
        self._max_connections = options.max_connections
        self._clients: list[_Client] = []
        self._loop = asyncio.get_running_loop()
        self._closed = False

    @property
    def connections(self) -> list[str]:
        """The ``pc_id`` of every client, oldest first."""
        return [client.pc_id for client in self._clients if client.pc_id is not None]

    @property
    def clients(self) -> list[ClientInfo]:
        """Who is here and since when, longest first."""
        return [info for client in self._clients if (info := client.info()) is not None]

    def use(self, *, ice_servers: list[Any], max_connections: int | None) -> None:
        """What the server allows and offers, for clients from now on."""
        self.use_ice_servers(ice_servers)
        known = [n for n in (self._options.max_connections, max_connections) if n is not None]
        self._max_connections = min(known, default=None)

    def use_ice_servers(self, ice_servers: list[Any]) -> None:
        """For clients from now on, and for those that restart."""
        self._ice_servers = ice_servers
        for client in self._clients:
            client.handler.update_ice_servers(to_ice_servers(ice_servers))

    async def offer(self, body: dict[str, Any]) -> dict[str, Any]:
        """The answer to an offer; raises :class:`RequestError`. A new client gets a bot of its own."""
        if self._closed:
            raise RequestError(503, "closed", "this bot is no longer served")
        request = SmallWebRTCRequest.from_dict(body)
        name = _text(body.get("session_id"))
        relays = name is not None and body.get("relays") is True
        client = (self._find_guest(name) if relays else None) or self._find(request.pc_id)
        if client is None:
            self._check_room(request.pc_id)
            client = self._take_in(name)
            if relays:
                client.guest = Guest(client.run, request.request_data, name)
            if request.pc_id is not None:
                body = {**body, "conversation": None}  # its numbers were another process's
        try:
            return await self._answer(client, request, _text(body.get("conversation")))
        except BaseException:
            if client.pc_id is None and (client.guest is None or not client.guest.here):
                client.run.stop()
            raise

    def relays_of(self, visitor: Visitor, door: RelayDoor) -> PacketTaker:
        """Who takes the packets of a client's relay socket; raises :class:`RequestError`. A new one gets a bot."""
        if self._closed:
            raise RequestError(503, "closed", "this bot is no longer served")
        client = self._find_guest(visitor.name)
        if client is None:
            self._check_room(None)
            client = self._take_in(visitor.name)
            client.guest = Guest(client.run, visitor.body, visitor.session_id)
        assert client.guest is not None
        return client.guest.taker(door)

    async def patch(self, body: dict[str, Any]) -> dict[str, Any]:
        """Candidates of a client that is known; raises :class:`RequestError`."""
        request = SmallWebRTCPatchRequest.from_dict(body)
        client = self._find(request.pc_id)
        if client is None:
            raise RequestError(
                404, "unknown-connection", "there is no connection of that pc_id; send an offer"
            )
        await _within(client.run.submit(client.handler.handle_patch_request(request)))
        return {"status": "success"}

    async def close(self) -> None:
        """End every bot; every client is told. Returns when all have ended or were named as blocked."""
        self._closed = True
        runs = [client.run for client in self._clients]
        for run in runs:
            run.stop()
        await asyncio.gather(*(asyncio.to_thread(run.join, _JOIN_S) for run in runs))

    def _find(self, pc_id: str | None) -> _Client | None:
        return next((client for client in self._clients if pc_id and client.pc_id == pc_id), None)

    def _find_guest(self, name: str | None) -> _Client | None:
        return next((client for client in self._clients if client.guest and client.session_id == name), None)

    def _check_room(self, pc_id: str | None) -> None:
        count = len(self._clients)
        if count and self._options.mode is ConnectionMode.SINGLE:
            if pc_id is None:
                raise RequestError(400, "busy", "another client is connected; only one is allowed at a time")
            raise RequestError(400, "wrong-pc-id", "that pc_id is not the one of the connected client")
        if self._max_connections is not None and count >= self._max_connections:
            raise RequestError(429, "too-many", too_many(count))

    def _take_in(self, session_id: str | None) -> _Client:
        options = self._options
        client = _Client(
            BotRun(self._bot, self._report, self._ended),
            SmallWebRTCRequestHandler(
                to_ice_servers(self._ice_servers),
                options.esp32_host is not None,
                options.esp32_host,
                connection_options=options.connection_options,
            ),
        )
        client.session_id = session_id
        self._clients.append(client)
        return client

    async def _answer(
        self, client: _Client, request: SmallWebRTCRequest, conversation: str | None
    ) -> dict[str, Any]:
        async def begin(connection: SmallWebRTCConnection) -> None:
            if client.guest is not None:
                await client.guest.offers(connection, conversation)
            else:
                client.run.begin(runner_arguments(connection, request.request_data, client.session_id))

        answer: dict[str, Any] = await _within(
            client.run.submit(client.handler.handle_web_request(request, begin))
        )
        client.pc_id = answer["pc_id"]
        numbered = client.guest is not None and conversation is not None
        return {**answer, "conversation": True} if numbered else answer

    def _ended(self, run: BotRun) -> None:
        """From the bot's own thread."""
        self._loop.call_soon_threadsafe(self._forget, run)

    def _forget(self, run: BotRun) -> None:
        self._clients = [client for client in self._clients if client.run is not run]


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


async def _within(asked: Any) -> Any:
    """What a bot's loop answers; a bot that blocks its loop leaves its client without an answer, and no one else."""
    try:
        async with asyncio.timeout(_OFFER_S):
            return await asyncio.wrap_future(asked)
    except TimeoutError:
        raise RequestError(
            503, "bot-blocked", "this client's bot blocks its loop and did not answer in time"
        ) from None
    except asyncio.CancelledError:
        if asked.cancelled():
            raise RequestError(503, "closed", "the bot ended while it was asked; try again") from None
        raise
