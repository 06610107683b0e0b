"""Pairs of a browser's part and a transport, however the transport is connected: what the contract tests run on.

Another way of connecting is added as a function like :func:`direct` and an entry in :data:`MAKERS`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from smallrtc_lab.bots.bridged import BridgedConnection
from smallrtc_lab.bots.climbing import ClimbingConnection
from smallrtc_lab.engine.client import EngineClient, Restart
from smallrtc_lab.engine.relaying.sockets import RelaySockets
from smallrtc_lab.params import TransportParams
from smallrtc_lab.rtc import SmallWebRTCConnection
from smallrtc_lab.rtc.client import ClientConnection
from smallrtc_lab.rtc.transport import SmallWebRTCTransport

from .linkserver import link_server
from .relaybrowser import RelayBrowser

__all__ = ["MAKERS", "Maker", "TransportPair"]

Prepare = Callable[[SmallWebRTCTransport], object]


@dataclass(frozen=True)
class TransportPair:
    """``browser`` is a ``wire.Browser`` whose channel is open; ``connection`` is what the transport was made with."""

    browser: Any
    transport: SmallWebRTCTransport
    connection: ClientConnection


Maker = Callable[..., AbstractAsyncContextManager[TransportPair]]


@asynccontextmanager
async def direct(
    wire: Any, params: TransportParams, prepare: Prepare | None = None, **sections: Any
) -> AsyncIterator[TransportPair]:
    """A transport on a connection of its own loop; ``prepare`` gets it before anything is connected."""
    connection = SmallWebRTCConnection([], loopback=True)
    transport = SmallWebRTCTransport(connection, params)
    browser = wire.Browser(**sections)
    try:
        if prepare is not None:
            prepare(transport)
        await connection.initialize(await browser.offer(), "offer")
        await browser.accept(connection.get_answer())
        await browser.opened()
        yield TransportPair(browser, transport, connection)
    finally:
        await asyncio.gather(browser.close(), transport.close())


@asynccontextmanager
async def bridged(
    wire: Any, params: TransportParams, prepare: Prepare | None = None, **sections: Any
) -> AsyncIterator[TransportPair]:
    """A transport across the bridge, as a bot in a kernel has it; the connection is in a real engine."""
    async with link_server() as link:
        client = EngineClient(link.arguments)
        hall = _Hall(client)
        await asyncio.to_thread(client.attach, "hall", hall)
        browser = wire.Browser(**sections)
        try:
            await asyncio.to_thread(client.call, "open_hall", session="hall", options={"mode": "multiple"})
            await link.opened("hall")
            answer = await link.ask("hall", "offer", {"sdp": await browser.offer(), "type": "offer"})
            connection = await hall.arrived()
            transport = SmallWebRTCTransport(connection, params)
            if prepare is not None:
                prepare(transport)
            await browser.accept(answer)
            await browser.opened()
            try:
                yield TransportPair(browser, transport, connection)
            finally:
                await asyncio.gather(browser.close(), transport.close())
        finally:
            await asyncio.to_thread(client.stop)


@asynccontextmanager
async def relayed(
    wire: Any, params: TransportParams, prepare: Prepare | None = None, **sections: Any
) -> AsyncIterator[TransportPair]:
    """A transport whose client comes by a relay socket, as a bot in a process of its own has it."""
    connection, loop = ClimbingConnection(), asyncio.get_running_loop()
    transport = SmallWebRTCTransport(connection, params)
    door = _Door(lambda content: loop.call_soon(browser.take, content))
    sockets = RelaySockets(door, lambda page, way: connection.meet(way))
    browser = RelayBrowser(lambda content: loop.call_soon(sockets.received, "k", content), **sections)
    sockets.opened("k")
    try:
        if prepare is not None:
            prepare(transport)
        await browser.open()
        yield TransportPair(browser, transport, connection)
    finally:
        await asyncio.gather(browser.close(), transport.close())
        await sockets.close()


class _Door:
    """The link, without a link."""

    def __init__(self, carry: Callable[[bytes], object]) -> None:
        self._carry = carry

    def send(self, key: str, content: bytes) -> None:
        self._carry(content)

    def close(self, key: str, code: int, reason: str) -> None:
        """The page notices by what was said before."""


class _Hall:
    """Takes the one client of a pair over; see `SessionHandler`."""

    def __init__(self, client: EngineClient) -> None:
        self._client = client
        self._loop = asyncio.get_running_loop()
        self._arrived: asyncio.Future[BridgedConnection] = self._loop.create_future()

    async def arrived(self) -> BridgedConnection:
        async with asyncio.timeout(60):
            return await self._arrived

    def engine_event(self, name: str, header: dict[str, Any]) -> None:
        if name == "client":
            connection = BridgedConnection(self._client, header["client"], header["pc_id"], self._loop)
            self._client.adopt(header["client"], connection)
            self._loop.call_soon_threadsafe(self._arrived.set_result, connection)

    def engine_lost(self, reason: str, restart: Restart) -> None:
        raise AssertionError(reason)

    def engine_back(self) -> None:
        """Never, without a loss."""


MAKERS: dict[str, Maker] = {"direct": direct, "bridged": bridged, "relayed": relayed}
