"""The link: the engine dials the Jupyter server that its kernel belongs to.

The address comes from the environment that the server's extension set before it started the kernel. The proof that
this is that kernel's engine is an HMAC with the key of the kernel's connection file, which both sides have anyway.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import ssl
import urllib.parse
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import ClientConnection, connect, unix_connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from smallrtc_lab.errors import ProtocolError
from smallrtc_lab.framing import Header, pack, unpack

__all__ = ["Link", "LinkAddress"]

logger = logging.getLogger(__name__)

LINK_VERSION = 1
_QUEUE_LIMIT = 1000
_PROTOCOL = 4400  # another version of the link, for example: the reason is a sentence
_REPLACED = 4409  # the server's close code for an engine whose successor has linked
_BACKOFF_S = (0.1, 0.3, 1.0, 2.0, 5.0)


@dataclass(frozen=True)
class LinkAddress:
    """Where the server is and how to prove whose engine this is; the proof is kept out of any repr or log."""

    server: str
    kernel_id: str
    proof: str = field(repr=False)
    certificate: str | None = None

    @property
    def base_path(self) -> str:
        """The server's base_url, as pages use it: begins and ends with a slash."""
        path = urllib.parse.urlsplit(self.server).path
        return path if path.endswith("/") else path + "/"


class Link:
    """A WebSocket to the server that comes back by itself. Messages for a server that is away are dropped, but for
    what ``on_linked`` says anew each time.
    """

    def __init__(
        self,
        address: LinkAddress,
        *,
        on_linked: Callable[[Header], None],
        on_message: Callable[[Header], None],
        on_lost: Callable[[str], None],
        on_media: Callable[[Header, bytes], None] | None = None,
    ) -> None:
        self.address = address
        self.linked = False
        self.dropped = 0
        self._replaced = False
        self._on_linked = on_linked
        self._on_message = on_message
        self._on_lost = on_lost
        self._on_media = on_media
        self._outgoing: deque[bytes] = deque()
        self._wake = asyncio.Event()
        self._task = asyncio.get_running_loop().create_task(self._run(), name="link")

    def send(self, header: Header, payload: bytes = b"") -> bool:
        """Queue a message; False when there is no server to send it to or it does not read."""
        if not self.linked or len(self._outgoing) >= _QUEUE_LIMIT:
            self.dropped += 1
            return False
        self._outgoing.append(pack(header, payload))
        self._wake.set()
        return True

    async def close(self) -> None:
        """Hang up."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        failures = 0
        while True:
            reason = await self._serve_once()
            failures = 0 if self.linked else failures + 1
            self.linked = False
            self._outgoing.clear()
            self._on_lost(reason)
            if self._replaced:  # a newer engine of this kernel serves it: do not fight for the link
                return
            await asyncio.sleep(_BACKOFF_S[min(failures, len(_BACKOFF_S) - 1)])

    async def _serve_once(self) -> str:
        """One connection from dialling to its end; returns why it ended."""
        try:
            async with self._dial() as socket:
                await socket.send(
                    pack(
                        {
                            "type": "hello",
                            "version": LINK_VERSION,
                            "kernel_id": self.address.kernel_id,
                            "pid": os.getpid(),
                        }
                    )
                )
                async with asyncio.timeout(5):
                    welcome, _ = unpack(_as_bytes(await socket.recv()))
                self.linked = True
                self._on_linked(welcome)
                await self._serve(socket)
        except InvalidHandshake as error:
            return f"the Jupyter server refused the engine's link: {error}"
        except ConnectionClosed as error:
            self._replaced = error.rcvd is not None and error.rcvd.code == _REPLACED
            said = error.rcvd.reason if error.rcvd is not None and error.rcvd.code == _PROTOCOL else ""
            return said or f"the link to the Jupyter server broke: {error}"
        except (OSError, TimeoutError, ProtocolError) as error:
            return f"{type(error).__name__}: {error}"
        except Exception as error:  # border: whatever the server says, the link comes back
            logger.exception("the link to the Jupyter server failed")
            return f"{type(error).__name__}: {error}"
        return "the Jupyter server closed the link"

    async def _serve(self, socket: ClientConnection) -> None:
        sender = asyncio.create_task(self._send_all(socket), name="link-sender")
        try:
            async for message in socket:
                self._receive(*unpack(_as_bytes(message)))
        finally:
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)

    def _receive(self, header: Header, payload: bytes) -> None:
        try:
            if self._on_media is not None and str(header.get("type")).startswith("media"):
                self._on_media(header, payload)
            else:
                self._on_message(header)
        except Exception:  # border: one message that cannot be handled must not end the link for all
            logger.exception("the message %.40r of the server could not be handled", header.get("type"))

    async def _send_all(self, socket: ClientConnection) -> None:
        with contextlib.suppress(ConnectionClosed):  # the receiving side sees it too, and reports it
            while True:
                while self._outgoing:
                    await socket.send(self._outgoing.popleft())
                self._wake.clear()
                await self._wake.wait()

    def _dial(self) -> Any:
        address = self.address
        parts = urllib.parse.urlsplit(address.server)
        options: dict[str, Any] = {
            "additional_headers": {"X-SmallRTC-Kernel": address.kernel_id, "X-SmallRTC-Proof": address.proof},
            "compression": None,
            "open_timeout": 5,
            "ping_interval": 5,
            "ping_timeout": 10,
            "max_size": 16 * 1024 * 1024,
        }
        path = f"{address.base_path}smallrtc/link"
        if parts.scheme == "http+unix":
            return unix_connect(urllib.parse.unquote(parts.netloc), f"ws://localhost{path}", **options)
        if parts.scheme == "https":
            options["ssl"] = _pinned(address.certificate)
        scheme = "wss" if parts.scheme == "https" else "ws"
        return connect(f"{scheme}://{parts.netloc}{path}", proxy=None, **options)


def _pinned(certificate: str | None) -> ssl.SSLContext:
    """Trust the server's own certificate file and nothing else; its name is not that of the loopback address.

    Whoever signed it need not be known: the certificate itself is what is trusted.
    """
    context = ssl.create_default_context(cafile=certificate)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def _as_bytes(message: str | bytes) -> bytes:
    if isinstance(message, str):
        raise ProtocolError("text message on the link")
    return message
