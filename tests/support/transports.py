"""Pairs of a browser's part and a transport, however the transport is connected: what the contract tests run on.

Another way of connecting is added as a function like :func:`direct` and an entry in :data:`MAKERS`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from smallrtc_lab.params import TransportParams
from smallrtc_lab.rtc import SmallWebRTCConnection
from smallrtc_lab.rtc.client import ClientConnection
from smallrtc_lab.rtc.transport import SmallWebRTCTransport

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


MAKERS: dict[str, Maker] = {"direct": direct}
