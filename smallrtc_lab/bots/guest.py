"""A client that may come by WebRTC, by relay sockets, or by both: one bot meets it, over one connection."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from smallrtc_lab.conversation import Conversations
from smallrtc_lab.engine.relaying.connection import RelayConnection
from smallrtc_lab.engine.relaying.sockets import REFUSED, RelayDoor, RelaySockets
from smallrtc_lab.engine.relaying.visitors import PacketTaker
from smallrtc_lab.rtc.clients import ClientInfo, name_of
from smallrtc_lab.rtc.connection import SmallWebRTCConnection

from .arguments import runner_arguments
from .climbing import ClimbingConnection
from .run import BotRun

__all__ = ["Guest"]


class Guest:
    """``body`` and ``session_id`` are what the bot is told of it. Its connection belongs to the bot's loop."""

    def __init__(self, run: BotRun, body: Any, session_id: str | None) -> None:
        self.conversations = Conversations()  # its own, so that its messages come once by whatever way
        self._run = run
        self._body = body
        self._session_id = session_id
        self._since_s = time.time()
        self._connection: ClimbingConnection | None = None
        self._taker: _OtherLoop | None = None

    @property
    def here(self) -> bool:
        """Whether its bot has met it."""
        return self._connection is not None

    def info(self) -> ClientInfo | None:
        """Who it is now; None before its bot has met it, and when it has gone."""
        connection = self._connection
        if connection is None or connection.end_reason is not None:
            return None
        state, name = connection.state.value, name_of(self._body)
        return ClientInfo(connection.pc_id, self._since_s, state, name, self._session_id)

    def taker(self, door: RelayDoor) -> PacketTaker:
        """Where the packets of its relay sockets go. On the loop of ``door``."""
        if self._taker is None:
            self._taker = _OtherLoop(self, self._run, door)
        return self._taker

    async def offers(self, connection: SmallWebRTCConnection, conversation: str | None) -> None:
        """It comes by WebRTC. On the bot's loop, as what follows."""
        if conversation is not None:
            connection.converse(self.conversations.of(conversation))
        await self._meet(connection)

    async def relay(self, page: str | None, connection: RelayConnection) -> None:
        """It comes by a relay socket."""
        await self._meet(connection)

    async def _meet(self, connection: SmallWebRTCConnection | RelayConnection) -> None:
        if self._connection is not None:
            await self._connection.meet(connection)
            return
        self._connection = ClimbingConnection()
        await self._connection.meet(connection)
        self._run.begin(runner_arguments(self._connection, self._body, self._session_id))


class _OtherLoop:
    """A client's relay sockets, which are on its bot's loop, as the link's loop has them."""

    def __init__(self, guest: Guest, run: BotRun, door: RelayDoor) -> None:
        self._run = run
        self._door = door
        self._sockets = RelaySockets(
            _DoorBetween(door), guest.relay, guest.conversations
        )  # of the bot's loop

    def opened(self, key: str) -> None:
        """A socket of the client's opened."""
        self._there(key, self._sockets.opened, key)

    def received(self, key: str, content: bytes) -> None:
        """A packet came."""
        self._there(key, self._sockets.received, key, content)

    def closed(self, key: str) -> None:
        """The socket is gone."""
        self._there(key, self._closed, key)

    def _there(self, key: str, function: Callable[..., None], *args: Any) -> None:
        try:
            self._run.loop.call_soon_threadsafe(function, *args)
        except RuntimeError:  # the bot's loop has ended
            self._door.close(key, REFUSED, "closed: the bot has ended")

    def _closed(self, key: str) -> None:
        self._sockets.closed(key)
        if not self._run.begun:  # it never said who it is
            self._run.stop()


class _DoorBetween:
    """The link's door, for a bot's loop. Made on the link's."""

    def __init__(self, door: RelayDoor) -> None:
        self._door = door
        self._loop = asyncio.get_running_loop()

    def send(self, key: str, content: bytes) -> None:
        """One packet to that page."""
        self._loop.call_soon_threadsafe(self._door.send, key, content)

    def close(self, key: str, code: int, reason: str) -> None:
        """Close that page's relay socket."""
        self._loop.call_soon_threadsafe(self._door.close, key, code, reason)
