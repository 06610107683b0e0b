"""Relay sockets at the engine's end of the link."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest_asyncio
from support.waiting import until

from smallrtc_lab.engine.relaying.relays import Relays
from smallrtc_lab.engine.session import Session
from smallrtc_lab.relay.packets import Control, pack, parse

HELLO = pack(Control({"type": "hello", "version": 1, "page": "p1", "sends": ["camera"], "plays": ["vp8"]}))


class Server:
    """What the engine said on the link."""

    def __init__(self) -> None:
        self.said: list[tuple[dict[str, Any], bytes]] = []

    def send(self, header: dict[str, Any], payload: bytes) -> None:
        self.said.append((header, payload))


@pytest_asyncio.fixture
async def server() -> Server:
    return Server()


def about(what: str, session: str = "s") -> dict[str, Any]:
    return {"type": f"media{what}", "session": session, "page": "k1"}


async def test_a_page_is_welcomed_and_told_the_end(server: Server, session: Session) -> None:
    """Its packets reach the session; when that closes, the page is told by message and by its socket's end."""
    relays = Relays({"s": session}, server.send)
    relays.received(about("-open"), b"")
    relays.received(about(""), HELLO)
    await until(lambda: len(server.said) > 0)
    header, payload = server.said[0]
    assert header == about("")
    welcome = parse(payload)
    assert isinstance(welcome, Control)
    assert welcome.body["type"] == "welcome"
    assert session.flow.connection is not None
    await relays.close("s")
    assert session.flow.connection is None
    headers = [header["type"] for header, _ in server.said]
    assert headers[-1] == "media-kick"
    assert b"peerLeft" in b"".join(payload for _, payload in server.said)


async def test_a_lost_link_ends_what_was_relayed(server: Server, session: Session) -> None:
    """A page that comes by the next link is another one."""
    relays = Relays({"s": session}, server.send)
    relays.received(about("-open"), b"")
    relays.received(about(""), HELLO)
    await until(lambda: session.flow.connection is not None)
    relays.clear()
    await until(lambda: session.flow.connection is None)
    await relays.close_all()


async def test_packets_for_nobody_are_dropped(server: Server, session: Session) -> None:
    """A session that has ended, a socket that is closed: nothing happens."""
    relays = Relays({"s": session}, server.send)
    relays.received(about("-open", "gone"), b"")
    relays.received(about(""), HELLO)
    relays.received(about("-open"), b"")
    relays.received(about("-close"), b"")
    relays.received(about(""), HELLO)
    await asyncio.sleep(0)
    assert server.said == []
    assert session.flow.connection is None
