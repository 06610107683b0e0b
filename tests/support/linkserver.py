"""The server's end of an engine's link, without a Jupyter server: it welcomes, asks and waits for replies."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.server import ServerConnection, serve

from smallrtc_lab.errors import RequestError
from smallrtc_lab.framing import pack, unpack

from .relaypage import RelayPage

__all__ = ["LinkServer", "link_server"]

DEADLINE_S = 60.0


class LinkServer:
    """One engine at a time; `sessions` are those it has opened."""

    def __init__(self) -> None:
        self.sessions: set[str] = set()
        self.port = 0
        self._socket: ServerConnection | None = None
        self._numbers = itertools.count(1)
        self._replies: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._opened = asyncio.Condition()
        self._pages: dict[str, RelayPage] = {}
        self._sending: set[asyncio.Task[None]] = set()

    @property
    def arguments(self) -> dict[str, Any]:
        """What an `EngineClient` is made with to link here."""
        return {
            "server": f"http://127.0.0.1:{self.port}/",
            "kernel_id": "test",
            "proof": "none",
            "certificate": None,
        }

    async def opened(self, session: str) -> None:
        """Wait until the engine has opened that session."""
        async with asyncio.timeout(DEADLINE_S), self._opened:
            await self._opened.wait_for(lambda: session in self.sessions)

    async def ask(self, session: str, method: str, body: Any) -> dict[str, Any]:
        """A request of a client's; raises what was refused."""
        assert self._socket is not None
        number = next(self._numbers)
        answer = self._replies[number] = asyncio.get_running_loop().create_future()
        header = {"type": "request", "id": number, "session": session, "method": method, "body": body}
        await self._socket.send(pack(header))
        async with asyncio.timeout(DEADLINE_S):
            reply = await answer
        if reply["status"] != 200:
            raise RequestError(reply["status"], reply["body"]["reason"], reply["body"]["message"])
        body = reply["body"]
        assert isinstance(body, dict)
        return body

    def relay(self, session: str, client: dict[str, Any], **options: Any) -> RelayPage:
        """A relay socket of a client's of what is served."""
        key = f"k{len(self._pages)}"
        header = {"session": session, "page": key}
        page = RelayPage(lambda content: self._tell({"type": "media", **header}, content), **options)
        self._pages[key] = page
        self._tell({"type": "media-open", "client": client, **header})
        return page

    def lose(self, session: str, page: RelayPage) -> None:
        """That relay socket is gone."""
        key = next(key for key, one in self._pages.items() if one is page)
        self._tell({"type": "media-close", "session": session, "page": key})

    def _tell(self, header: dict[str, Any], content: bytes = b"") -> None:
        assert self._socket is not None
        task = asyncio.get_running_loop().create_task(self._socket.send(pack(header, content)))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def serve(self, socket: ServerConnection) -> None:
        """One engine's link, from hello to its end."""
        self._socket = socket
        async for message in socket:
            assert isinstance(message, bytes)
            header, payload = unpack(message)
            match header["type"]:
                case "hello":
                    await socket.send(
                        pack({"type": "welcome", "version": 1, "limits": {}, "ice_servers": []})
                    )
                case "session-open":
                    async with self._opened:
                        self.sessions.add(header["session"])
                        self._opened.notify_all()
                    if header.get("serves"):
                        await socket.send(pack({"type": "session-served", "session": header["session"]}))
                case "media":
                    self._pages[header["page"]].take(payload)
                case "media-kick":
                    self._pages[header["page"]].closed = (header["code"], header["reason"])
                    await socket.send(pack({**header, "type": "media-close"}))
                case "reply":
                    self._replies.pop(header["id"]).set_result(header)


@asynccontextmanager
async def link_server() -> AsyncIterator[LinkServer]:
    """Listens on a free port of this machine until the end."""
    link = LinkServer()
    async with serve(link.serve, "127.0.0.1", 0) as server:
        (listening,) = server.sockets
        link.port = listening.getsockname()[1]
        yield link
