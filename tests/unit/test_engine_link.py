"""The engine's link to its server, against a real WebSocket server."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import Request, Response, ServerConnection, serve, unix_serve

from smallrtc_lab.engine import link as link_module
from smallrtc_lab.engine.link import Link, LinkAddress
from smallrtc_lab.framing import Header, pack, unpack

Talk = Callable[[ServerConnection], Awaitable[None]]
WELCOME: Header = {"type": "welcome", "version": 1, "limits": {}, "ice_servers": []}


class Server:
    """Greets each link and then talks as it is told; `requests` and `received` say what came."""

    def __init__(self, talk: Talk | None = None) -> None:
        self.requests: list[Request] = []
        self.received: asyncio.Queue[tuple[Header, bytes]] = asyncio.Queue()
        self.sockets: list[ServerConnection] = []
        self.refuse = False
        self.address = ""
        self._talk = talk

    async def handle(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        self.requests.append(socket.request)
        self.sockets.append(socket)
        await self.received.put(unpack(await socket.recv()))  # type: ignore[arg-type]
        if self._talk is not None:
            await self._talk(socket)
            return
        await socket.send(pack(WELCOME))
        async for message in socket:
            await self.received.put(unpack(message))  # type: ignore[arg-type]

    def check(self, socket: ServerConnection, request: Request) -> Response | None:
        return socket.respond(HTTPStatus.FORBIDDEN, "no") if self.refuse else None


@asynccontextmanager
async def serving(talk: Talk | None = None) -> AsyncIterator[Server]:
    """A server on a port of its own."""
    server = Server(talk)
    async with serve(server.handle, "127.0.0.1", 0, process_request=server.check) as listening:
        port = next(iter(listening.sockets)).getsockname()[1]
        server.address = f"http://127.0.0.1:{port}/user/ann/"
        yield server


class Engine:
    """What an engine does with its link."""

    def __init__(self, address: str, certificate: str | None = None) -> None:
        self.told: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
        self.link = Link(
            LinkAddress(address, "kernel-1", "c0ffee", certificate),
            on_linked=lambda welcome: self.told.put_nowait(("linked", welcome)),
            on_message=self.message,
            on_lost=lambda reason: self.told.put_nowait(("lost", reason)),
        )

    def message(self, header: Header) -> None:
        if header["type"] == "bad":
            raise KeyError("session")
        self.told.put_nowait(("message", header))

    async def next(self, kind: str) -> Any:
        """The next word of that kind must be the next of all."""
        said, what = await asyncio.wait_for(self.told.get(), 30)
        assert said == kind, what
        return what


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorter pauses between attempts."""
    monkeypatch.setattr(link_module, "_BACKOFF_S", (0.02, 0.05, 0.1))


async def test_dialling_says_whose_engine_this_is() -> None:
    """The request has the kernel, its proof, the base path and no Origin; hello and welcome follow."""
    async with serving() as server:
        engine = Engine(server.address)
        assert await engine.next("linked") == WELCOME
        request = server.requests[0]
        assert request.path == "/user/ann/smallrtc/link"
        assert request.headers["X-SmallRTC-Kernel"] == "kernel-1"
        assert request.headers["X-SmallRTC-Proof"] == "c0ffee"
        assert "Origin" not in request.headers
        hello, _ = await server.received.get()
        assert hello == {"type": "hello", "version": 1, "kernel_id": "kernel-1", "pid": os.getpid()}
        await engine.link.close()


async def test_the_proof_is_in_no_repr() -> None:
    """What may land in a log does not hold the secret."""
    assert "c0ffee" not in repr(LinkAddress("http://localhost/", "k", "c0ffee"))


async def test_no_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server's loopback address is dialled directly, whatever proxy the environment names."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with serving() as server:
        engine = Engine(server.address)
        await engine.next("linked")
        await engine.link.close()


async def test_messages_go_both_ways_in_order() -> None:
    """What is sent arrives with its payload, what the server says is handed on."""
    async with serving() as server:
        engine = Engine(server.address)
        await engine.next("linked")
        await server.received.get()
        for number in range(50):
            assert engine.link.send({"type": "reply", "id": number}, b"x" * number)
        got = [await asyncio.wait_for(server.received.get(), 30) for _ in range(50)]
        assert got == [({"type": "reply", "id": n}, b"x" * n) for n in range(50)]
        for number in range(3):
            await server.sockets[0].send(pack({"type": "request", "id": number}))
        assert [(await engine.next("message"))["id"] for _ in range(3)] == [0, 1, 2]
        await engine.link.close()


async def test_a_message_that_cannot_be_handled_does_not_end_the_link() -> None:
    """A fault while one message is handled is logged, and the next one is handled."""
    async with serving() as server:
        engine = Engine(server.address)
        await engine.next("linked")
        await server.sockets[0].send(pack({"type": "bad"}))
        await server.sockets[0].send(pack({"type": "good"}))
        assert await engine.next("message") == {"type": "good"}
        assert len(server.sockets) == 1
        await engine.link.close()


async def test_it_comes_back_when_the_server_does() -> None:
    """A link that was closed is dialled again, greets again, and works."""
    async with serving() as server:
        engine = Engine(server.address)
        await engine.next("linked")
        await server.sockets[0].close()
        assert "closed the link" in await engine.next("lost")
        await engine.next("linked")
        hellos = [(await asyncio.wait_for(server.received.get(), 30))[0]["type"] for _ in range(2)]
        assert hellos == ["hello", "hello"]
        assert engine.link.send({"type": "again"})
        assert (await asyncio.wait_for(server.received.get(), 30))[0] == {"type": "again"}
        await engine.link.close()


async def test_a_refusal_is_told_and_asked_again() -> None:
    """Refused, the engine says why and tries on, ever more slowly, until it is let in."""
    async with serving() as server:
        server.refuse = True
        engine = Engine(server.address)
        begun_s = time.monotonic()
        reasons = [await engine.next("lost") for _ in range(4)]
        assert all("refused the engine's link" in reason and "403" in reason for reason in reasons)
        assert time.monotonic() - begun_s > 0.05 + 0.1 + 0.1
        assert not engine.link.linked
        server.refuse = False
        await engine.next("linked")
        await engine.link.close()


async def test_a_server_of_another_version_says_so_itself() -> None:
    """The sentence with which the server closes the link is the reason that is told, as it is."""
    sentence = "the server speaks version 2 of the link: install the same smallrtc-lab beside both"

    async def talk(socket: ServerConnection) -> None:
        await socket.close(4400, sentence)

    async with serving(talk) as server:
        engine = Engine(server.address)
        assert await engine.next("lost") == sentence
        await engine.link.close()


async def test_without_a_server_nothing_is_queued() -> None:
    """Nobody listens: the reason is told, messages are dropped and counted, and closing ends at once."""
    engine = Engine("http://127.0.0.1:1/")
    assert "ConnectionRefusedError" in await engine.next("lost")
    assert not engine.link.send({"type": "page"})
    assert engine.link.dropped == 1
    begun_s = time.monotonic()
    await engine.link.close()
    assert time.monotonic() - begun_s < 5


@pytest.mark.parametrize(
    "answer", [pack(WELCOME)[:3], "text", b"\x00\x00\x00\x02[]", pack({"type": "page"})[:-1]]
)
async def test_a_server_that_talks_nonsense_is_left_and_dialled_again(answer: bytes | str) -> None:
    """An answer to hello that is no message ends that attempt only."""

    async def talk(socket: ServerConnection) -> None:
        await socket.send(answer)
        await socket.wait_closed()

    async with serving(talk) as server:
        engine = Engine(server.address)
        assert "ProtocolError" in await engine.next("lost")
        await engine.next("lost")
        assert len(server.requests) >= 2
        await engine.link.close()


async def test_a_welcome_that_cannot_be_used_is_told_and_tried_again() -> None:
    """A fault in what the welcome holds is logged, and the link comes back instead of ending for ever."""

    def fail(welcome: Header) -> None:
        failures.append(welcome)
        raise ValueError("ice_servers")

    failures: list[Header] = []
    lost: list[str] = []
    async with serving() as server:
        link = Link(
            LinkAddress(server.address, "k", "p"),
            on_linked=fail,
            on_message=lambda header: None,
            on_lost=lost.append,
        )
        async with asyncio.timeout(30):
            while len(failures) < 3:
                await asyncio.sleep(0.01)
        assert lost[0] == "ValueError: ice_servers"
        await link.close()


async def test_a_server_on_a_unix_socket(tmp_path: Path) -> None:
    """Jupyter's http+unix addresses are dialled, too."""
    server = Server()
    path = tmp_path / "jupyter.sock"
    async with unix_serve(server.handle, str(path)):
        engine = Engine(f"http+unix://{str(path).replace('/', '%2F')}/base/")
        await engine.next("linked")
        assert server.requests[0].path == "/base/smallrtc/link"
        await engine.link.close()


@pytest.mark.parametrize(
    ("server", "base"),
    [
        ("http://h:1", "/"),
        ("http://h:1/", "/"),
        ("http://h:1/user/x", "/user/x/"),
        ("https://h/a/b/", "/a/b/"),
    ],
)
def test_the_base_path_begins_and_ends_with_a_slash(server: str, base: str) -> None:
    """Pages get paths under the server's base_url."""
    assert LinkAddress(server, "k", "p").base_path == base


async def test_closing_leaves_no_task() -> None:
    """After close nothing of the link runs on."""
    async with serving() as server:
        engine = Engine(server.address)
        await engine.next("linked")
        await engine.link.close()
        assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("link")]
