"""A real Jupyter server in the test's own event loop, and a small engine that speaks the link's protocol to it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from jupyter_server.serverapp import ServerApp
from websockets.asyncio.client import ClientConnection, connect

from smallrtc_lab.framing import pack, unpack
from smallrtc_lab.server.app import SmallRTCLab
from smallrtc_lab.server.proof import link_proof

DEADLINE_S = 60
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
TOKEN = "token-that-nobody-may-see"
OFFER = {"sdp": "v=0\r\no=- secret-sdp 2 IN IP4 192.0.2.7\r\n", "type": "offer"}


@dataclass
class RunningServer:
    """A server that listens; `token` headers are what a person who is logged in has."""

    app: ServerApp
    http: httpx.AsyncClient
    sockets: list[ClientConnection] = field(default_factory=list)

    @property
    def extension(self) -> SmallRTCLab:
        """The extension's application."""
        return self.app.extension_manager.extension_points["smallrtc_lab"].app

    @property
    def url(self) -> str:
        """The prefix of all routes."""
        scheme = "https" if self.app.ssl_options else "http"
        return f"{scheme}://127.0.0.1:{self.app.port}{self.app.base_url}smallrtc/"

    @property
    def headers(self) -> dict[str, str]:
        """Who has these is logged in."""
        return {"Authorization": f"token {TOKEN}"}

    async def ask(self, method: str, path: str, body: Any = None, **options: Any) -> httpx.Response:
        """One request with the token."""
        if body is not None:
            options["content"] = body if isinstance(body, bytes) else json.dumps(body)
        options.setdefault("headers", self.headers)
        return await self.http.request(method, self.url + path, **options)

    async def offer(self, session: str, **fields: Any) -> httpx.Response:
        """Send an offer."""
        return await self.ask("POST", f"sessions/{session}/api/offer", OFFER | fields)

    async def dial(
        self, route: str, headers: dict[str, str], *, deaf: bool = False, **options: Any
    ) -> ClientConnection:
        """Open a WebSocket; a `deaf` one reads nothing that the test does not ask for, and has a small buffer."""
        url = self.url.replace("http", "ws", 1) + route
        if deaf:
            options |= {"max_queue": 1, "sock": self._small_socket()}
        options = {"proxy": None, "compression": None, "logger": logging.getLogger("client")} | options
        client = await connect(url, additional_headers=headers, **options)
        self.sockets.append(client)
        return client

    def _small_socket(self) -> socket.socket:
        small = socket.socket()
        small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        small.connect(("127.0.0.1", self.app.port))
        small.setblocking(False)
        return small

    async def page(self, session: str, **options: Any) -> Page:
        """Open a page's session socket."""
        return Page(await self.dial(f"sessions/{session}/socket", self.headers, **options))

    async def idle_kernel(self) -> str:
        """Start a kernel of Jupyter's that does nothing, with a connection file and its key."""
        kernel_id = str(await self.app.kernel_manager.start_kernel(kernel_name="idle"))
        # Nobody listens to what Jupyter subscribes there: it would wait a second for that when the server ends.
        self.app.kernel_manager.get_kernel(kernel_id)._activity_stream.socket.linger = 0
        return kernel_id

    def key(self, kernel_id: str) -> bytes:
        """The key of the kernel's connection file."""
        return bytes(self.app.kernel_manager.get_kernel(kernel_id).session.key)

    async def engine(
        self, *sessions: str, kernel_id: str | None = None, serves: bool = False, **options: Any
    ) -> Engine:
        """Link an engine that says hello and opens these sessions, for outside clients too when it `serves`."""
        kernel_id = kernel_id or await self.idle_kernel()
        proof = link_proof(kernel_id, self.key(kernel_id))
        headers = {"X-SmallRTC-Kernel": kernel_id, "X-SmallRTC-Proof": proof}
        engine = Engine(await self.dial("link", headers, **options), kernel_id)
        await engine.send({"type": "hello", "version": 1, "kernel_id": kernel_id, "pid": os.getpid()})
        engine.welcome = await engine.expect("welcome")
        for session in sessions:
            await engine.send({"type": "session-open", "session": session, "serves": serves})
            if serves:
                assert (await engine.expect("session-served"))["session"] == session
        return engine


@dataclass
class Page:
    """A page that speaks plain JSON."""

    socket: ClientConnection

    async def send(self, message: Any) -> None:
        await self.socket.send(json.dumps(message))

    async def read(self) -> Any:
        async with asyncio.timeout(DEADLINE_S):
            return json.loads(await self.socket.recv())

    async def closed(self) -> int | None:
        """Wait for the end; returns the code."""
        async with asyncio.timeout(DEADLINE_S):
            await self.socket.wait_closed()
        return self.socket.close_code


@dataclass
class Engine:
    """An engine that does what the test says."""

    socket: ClientConnection
    kernel_id: str
    welcome: dict[str, Any] = field(default_factory=dict)

    async def send(self, header: dict[str, Any], payload: bytes = b"") -> None:
        await self.socket.send(pack(header, payload))

    async def read(self) -> dict[str, Any]:
        async with asyncio.timeout(DEADLINE_S):
            message = await self.socket.recv()
        assert isinstance(message, bytes)
        return unpack(message)[0]

    async def expect(self, kind: str) -> dict[str, Any]:
        """The next message, which must be of that type."""
        header = await self.read()
        assert header["type"] == kind, header
        return header

    async def answer(self, status: int = 200, body: Any = None, payload: bytes = b"") -> dict[str, Any]:
        """Answer the next request, and return it."""
        request = await self.expect("request")
        body = {"sdp": "v=0 answer", "type": "answer", "pc_id": "p1"} if body is None else body
        await self.send({"type": "reply", "id": request["id"], "status": status, "body": body}, payload)
        return request

    async def closed(self) -> int | None:
        """Wait for the end; returns the code."""
        async with asyncio.timeout(DEADLINE_S):
            await self.socket.wait_closed()
        return self.socket.close_code


@pytest.fixture
def jupyter_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Jupyter's directories in a temporary place, with a kernel that only sleeps; signals as before afterwards."""
    for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    monkeypatch.setenv("JUPYTER_NO_CONFIG", "1")
    for name in ("SERVER", "SERVER_CERT", "ICE_SERVERS", "TURN_SECRET", "TURN_CREDENTIALS_URL"):
        monkeypatch.delenv(f"SMALLRTC_LAB_{name}", raising=False)
    spec = tmp_path / "jupyter_data_dir" / "kernels" / "idle"
    spec.mkdir(parents=True)
    argv = [
        sys.executable,
        "-S",
        "-c",
        "import signal; signal.signal(2, signal.SIG_DFL); signal.pause()",
        "{connection_file}",
    ]
    (spec / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "idle", "language": "none"}))
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield tmp_path
    for number, handler in before.items():
        signal.signal(number, handler)


@contextlib.asynccontextmanager
async def running(home: Path, arguments: tuple[str, ...]) -> AsyncIterator[RunningServer]:
    ServerApp.clear_instance()
    app = ServerApp.instance()
    app.initialize(
        argv=[
            "--ServerApp.jpserver_extensions=smallrtc_lab.server=True",
            f"--IdentityProvider.token={TOKEN}",
            f"--ServerApp.root_dir={home}",
            "--ServerApp.reraise_server_extension_failures=True",
            "--KernelManager.shutdown_wait_time=0.1",
            "--ServerApp.log_level=DEBUG",
            *([] if any("ServerApp.port=" in argument for argument in arguments) else ["--ServerApp.port=0"]),
            *arguments,
        ],
        find_extensions=False,
    )
    app.log.propagate = True
    app.log.handlers = []
    await asyncio.sleep(0)  # binding is the first thing on the loop
    await app.extension_manager.start_all_extensions()
    async with httpx.AsyncClient(trust_env=False, timeout=DEADLINE_S) as http:
        server = RunningServer(app, http)
        try:
            yield server
        finally:
            for client in server.sockets:
                client.transport.abort()  # a goodbye would take seconds where a test has stopped reading
            await app.kernel_manager.shutdown_all(now=True)  # idle kernels never listen: they are not asked
            await app._cleanup()
            app.kernel_manager.context.destroy(linger=0)
            ServerApp.clear_instance()


@pytest.fixture
async def start_server(jupyter_home: Path) -> AsyncIterator[Callable[..., Any]]:
    """`await start_server("--SmallRTCLab.max_sessions=2")` gives a RunningServer that ends with the test."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(*arguments: str) -> RunningServer:
            return await stack.enter_async_context(running(jupyter_home, arguments))

        yield start


@pytest.fixture
async def server(start_server: Callable[..., Any]) -> RunningServer:
    """A server with short waits and everything else as it comes."""
    started: RunningServer = await start_server(
        "--SmallRTCLab.engine_wait_s=0.4", "--ServerApp.base_url=/a%40b/"
    )
    return started
