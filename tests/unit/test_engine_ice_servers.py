"""Which ICE servers a session uses, and what is said of those that are of no use; the server tried is a real coturn."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.authority import make_authority
from support.coturn import Coturn, free_port, run_coturn

from smallrtc_lab.engine import ice_servers
from smallrtc_lab.engine.ice_servers import IceServers
from smallrtc_lab.rtc.connection import IceServer

STUN = [{"urls": ["stun:127.0.0.1:9"]}]


class Session:
    """What an IceServers tells: the lists that were to be used, and the problems by code."""

    def __init__(self) -> None:
        self.used: list[list[Any]] = []
        self.problems: dict[str, tuple[str, str]] = {}
        self.changed = asyncio.Event()

    def use(self, servers: list[IceServer]) -> None:
        self.used.append([server.urls for server in servers])
        self.changed.set()

    def problem(self, code: str, message: str, next_step: str) -> None:
        self.problems[code] = (message, next_step)
        self.changed.set()

    def clear_problem(self, code: str) -> None:
        del self.problems[code]
        self.changed.set()

    def servers(self, own: list[dict[str, Any]] | None) -> IceServers:
        return IceServers(own, use=self.use, events=self)

    async def tried(self, expected: list[Any], *problems: str) -> None:
        """Wait until these servers are used and these problems are said."""
        async with asyncio.timeout(60):
            while self.used[-1] != expected or set(self.problems) != set(problems):
                self.changed.clear()
                await self.changed.wait()


@pytest.fixture
async def coturn(tmp_path: Path) -> AsyncIterator[Coturn]:
    async with run_coturn(tmp_path) as running:
        yield running


@pytest.fixture
def silent() -> Iterator[str]:
    """A port that takes everything and answers nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as dead:
        dead.bind(("127.0.0.1", 0))
        yield f"turn:127.0.0.1:{dead.getsockname()[1]}"


async def test_the_lab_s_list_goes_before_the_server_s() -> None:
    """What was given in code counts, an empty list too; without any the Jupyter server's list does."""
    session = Session()
    own, none, left = session.servers(STUN), session.servers([]), session.servers(None)
    offered = [{"urls": ["stun:127.0.0.1:10"]}]
    for servers in (own, none, left):
        servers.offered_by_server(offered)
    assert (own.for_pages, none.for_pages, left.for_pages) == (STUN, [], offered)
    for servers in (own, none, left):
        await servers.close()


async def test_a_good_list_is_used_at_once_and_stays(coturn: Coturn) -> None:
    """A connection waits a moment at most for the servers to be tried, and nothing is said when they are fine."""
    session = Session()
    servers = session.servers([coturn.turn(), {"urls": [coturn.stun]}])
    assert session.used == [[[coturn.turn()["urls"]], [coturn.stun]]]
    await servers.needed()
    await session.tried(session.used[0])
    assert session.problems == {}
    await servers.close()


async def test_a_silent_server_delays_a_connection_by_a_second_at_most(coturn: Coturn, silent: str) -> None:
    """It is left out before it was given up; the good one beside it is used."""
    session = Session()
    dead = {"urls": silent, "username": "u", "credential": "c"}
    servers = session.servers([dead, coturn.turn()])
    await servers.needed()
    assert session.used[-1] == [[coturn.turn()["urls"]]]
    assert session.problems == {}
    await session.tried([[coturn.turn()["urls"]]], "turn-silent")
    await servers.needed()  # and none after that
    await servers.close()


async def test_a_refused_user_and_a_silent_server_are_said_until_they_are_mended(
    coturn: Coturn, silent: str
) -> None:
    """The engine goes on without them, pages get the whole list, and a better list takes the problems back."""
    session = Session()
    bad = [coturn.turn() | {"credential": "wrong-hush"}, {"urls": silent, "username": "u", "credential": "c"}]
    servers = session.servers(None)
    servers.offered_by_server(bad)
    await session.tried([], "turn-refused", "turn-silent")
    assert servers.for_pages == bad
    assert coturn.turn()["urls"] in session.problems["turn-refused"][0]
    assert silent in session.problems["turn-silent"][0]
    assert "hush" not in str(session.problems)
    assert "mary" not in str(session.problems)
    servers.offered_by_server([coturn.turn()])
    await session.tried([[coturn.turn()["urls"]]])
    await servers.close()


async def test_new_credentials_are_used_at_once_where_the_server_was_good(
    coturn: Coturn, silent: str
) -> None:
    """What was found out about each URL holds for its new password, too, until it was tried again."""
    session = Session()
    url = coturn.turn()["urls"]

    def with_name(name: str) -> list[dict[str, Any]]:
        return [{**coturn.turn(), "urls": [silent, url], "username": name}]

    servers = session.servers(with_name("mary"))
    await session.tried([[url]], "turn-silent")
    servers.renew(with_name("nobody"))
    assert session.used[-1] == [[url]]
    assert servers.for_pages == with_name("nobody")
    servers.offered_by_server([])  # the Lab's own list holds
    assert servers.for_pages == with_name("nobody")
    await session.tried([], "turn-refused", "turn-silent")
    await servers.close()


async def test_a_certificate_decides_whether_turn_over_tls_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One signed by an authority of SSL_CERT_FILE is taken; by any other it is refused, and that is said."""
    known, unknown = (make_authority(tmp_path / name, "127.0.0.1") for name in ("known", "unknown"))
    async with run_coturn(tmp_path, authority=known) as coturn:
        for authority, expected in ((known, [[coturn.url("tls")]]), (unknown, [])):
            monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca))
            session = Session()
            servers = session.servers([coturn.turn("tls")])
            await session.tried(expected, *(["turn-untrusted"] if authority is unknown else []))
            await servers.close()
        message, next_step = session.problems["turn-untrusted"]
        assert coturn.url("tls") in message
        assert "SSL_CERT_FILE" in next_step


async def test_a_server_that_came_late_is_found_at_the_next_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What did not answer at first is tried again when a connection is asked for, but not at every one."""
    monkeypatch.setattr(ice_servers, "_AGAIN_S", 0.0)
    session = Session()
    port = free_port("127.0.0.1")
    late = {"urls": f"turn:127.0.0.1:{port}?transport=tcp", "username": "mary", "credential": "hush-hush-47"}
    servers = session.servers([late])
    await session.tried([], "turn-silent")
    async with run_coturn(tmp_path, port=port):
        await servers.needed()
        await session.tried([[late["urls"]]])
        count = len(session.used)
        await servers.needed()  # all is well: nothing is tried
        await asyncio.sleep(0)
        assert len(session.used) == count
    await servers.close()
