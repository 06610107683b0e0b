"""Trying ICE servers before they are needed.

aiortc uses the first STUN and the first TURN URL only, and says nothing when one of them is of no use. A STUN server
that is not there costs every connection the whole gathering time, and a TURN server that refuses its user is missing
in silence. So each URL is tried once, all at the same time, and only what answers well is used.
"""

from __future__ import annotations

import asyncio
import enum
import socket
import ssl
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from aioice import stun
from aioice.turn import create_turn_endpoint
from aiortc import RTCIceServer
from aiortc.rtcicetransport import parse_stun_turn_uri

from .names import look_up

__all__ = ["IceCheck", "IceFinding", "check_ice_servers", "usable_ice_servers"]

CHECK_S = 3.0
_STUN_AGAIN_S = 0.5
_REFUSED = (
    401,
    403,
    431,
    441,
)  # RFC 8489 section 14.8, RFC 8656 section 19: wrong user or password, or not allowed


class IceFinding(enum.Enum):
    """What came of trying one URL."""

    GOOD = "good"
    SILENT = "silent"  # no answer in time, or no such host
    REFUSED = "refused"  # the user name or the password is wrong, or has expired
    UNTRUSTED = "untrusted"  # its TLS certificate is not one to trust
    FAILED = "failed"  # it answered, but gave no address
    UNUSABLE = "unusable"  # of a kind that this side cannot use: a browser may


@dataclass(frozen=True)
class IceCheck:
    """One URL and what came of it after ``took_ms`` milliseconds.

    ``detail`` is what the server or the system said, and holds no credential.
    """

    url: str
    finding: IceFinding
    detail: str = ""
    took_ms: float = 0.0

    @property
    def is_turn(self) -> bool:
        """Whether it relays."""
        return self.url.startswith("turn")


async def check_ice_servers(
    servers: Iterable[RTCIceServer],
    timeout_s: float = CHECK_S,
    *,
    found: Callable[[IceCheck], None] = lambda check: None,
) -> list[IceCheck]:
    """Try every URL of ``servers`` at once, in their order; returns after ``timeout_s`` seconds at the latest.

    ``found`` is told of each as soon as it is known.
    """

    async def check(server: RTCIceServer, url: str) -> IceCheck:
        made = await _check(server, url, timeout_s)
        found(made)
        return made

    return await asyncio.gather(*(check(server, url) for server, url in _urls(servers)))


def usable_ice_servers(servers: Iterable[RTCIceServer], checks: Iterable[IceCheck]) -> list[RTCIceServer]:
    """One server for each URL that was found good, in order: what aiortc takes the first of.

    ``checks`` are those of :func:`check_ice_servers` for the same ``servers``.
    """
    return [
        RTCIceServer(urls=[url], username=server.username, credential=server.credential)
        for (server, url), check in zip(_urls(servers), checks, strict=True)
        if check.finding is IceFinding.GOOD
    ]


def _urls(servers: Iterable[RTCIceServer]) -> list[tuple[RTCIceServer, str]]:
    return [
        (server, url)
        for server in servers
        for url in ([server.urls] if isinstance(server.urls, str) else server.urls)
    ]


async def _check(server: RTCIceServer, url: str, timeout_s: float) -> IceCheck:
    began_s = time.monotonic()
    finding, detail = await _found(server, url, timeout_s)
    return IceCheck(url, finding, detail, (time.monotonic() - began_s) * 1000)


async def _found(server: RTCIceServer, url: str, timeout_s: float) -> tuple[IceFinding, str]:
    try:
        async with asyncio.timeout(timeout_s):
            return await _try(server, url), ""
    except stun.TransactionFailed as error:
        code, reason = error.response.attributes.get("ERROR-CODE", (0, "no reason given"))
        return IceFinding.REFUSED if code in _REFUSED else IceFinding.FAILED, f"{code} {reason}"
    except ssl.SSLCertVerificationError as error:
        return IceFinding.UNTRUSTED, error.verify_message
    except (OSError, TimeoutError, stun.TransactionError) as error:
        return IceFinding.SILENT, _in_words(error)


async def _try(server: RTCIceServer, url: str) -> IceFinding:
    parsed = parse_stun_turn_uri(url)
    address = (parsed["host"].strip("[]"), parsed["port"])
    if parsed["scheme"] == "stun":
        await look_up(address[0])
        return await _try_stun(address)
    secure, transport = parsed["scheme"] == "turns", parsed.get("transport")
    if parsed["scheme"] == "stuns" or (secure and transport != "tcp"):
        return IceFinding.UNUSABLE
    await look_up(address[0])
    relay, allocation = await create_turn_endpoint(
        _Allocation,
        server_addr=address,
        username=server.username or "",
        password=server.credential or "",
        ssl=secure or None,
        transport=transport or "udp",
    )
    relay.close()
    await allocation.gone.wait()
    return IceFinding.GOOD


class _Allocation(asyncio.DatagramProtocol):
    """A relayed address that is given back at once."""

    def __init__(self) -> None:
        self.gone = asyncio.Event()

    def connection_lost(self, exc: Exception | None) -> None:
        self.gone.set()


async def _try_stun(address: tuple[str, int]) -> IceFinding:
    """Ask for this side's address as the server sees it (RFC 8489, Binding), again and again until it answers.

    Not by gathering candidates: one of aioice's that is given up halfway complains in the log, once for each address.
    """
    request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
    loop = asyncio.get_running_loop()
    transport, answer = await loop.create_datagram_endpoint(lambda: _StunAnswer(request), remote_addr=address)
    try:
        while True:
            transport.sendto(bytes(request))
            try:
                async with asyncio.timeout(_STUN_AGAIN_S):
                    return await answer.finding
            except TimeoutError:
                continue  # a datagram may be lost; the caller's deadline ends this
    finally:
        transport.close()


class _StunAnswer(asyncio.DatagramProtocol):
    """What came back to one request; an ICMP error is raised where it is waited for."""

    def __init__(self, request: stun.Message) -> None:
        self._request = request
        self._future: asyncio.Future[IceFinding] = asyncio.get_running_loop().create_future()

    @property
    def finding(self) -> asyncio.Future[IceFinding]:
        """Not ended by the end of one wait for it."""
        return asyncio.shield(self._future)

    def datagram_received(self, data: bytes, addr: object) -> None:
        try:
            message = stun.parse_message(data)
        except ValueError:
            return  # of somebody else
        if message.transaction_id == self._request.transaction_id and not self._future.done():
            told = message.message_class == stun.Class.RESPONSE and "XOR-MAPPED-ADDRESS" in message.attributes
            self._future.set_result(IceFinding.GOOD if told else IceFinding.FAILED)

    def error_received(self, exc: Exception) -> None:
        if not self._future.done():
            self._future.set_exception(exc)

    def connection_lost(self, exc: Exception | None) -> None:
        self._future.cancel()


def _in_words(error: Exception) -> str:
    """What the system said, for people."""
    if isinstance(error, socket.gaierror):
        return "no such host"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return "no answer in time"
