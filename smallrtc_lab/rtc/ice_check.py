"""Trying ICE servers before they are needed.

aiortc uses the first STUN and the first TURN URL only, and says nothing when one of them is of no use. A STUN server
that is not there costs every connection the whole gathering time, and a TURN server that refuses its user is missing
in silence. So each URL is tried once, all at the same time, and only what answers well is used.
"""

from __future__ import annotations

import asyncio
import enum
import ssl
import time
from collections.abc import Iterable
from dataclasses import dataclass

from aioice import Connection, stun
from aioice.turn import create_turn_endpoint
from aiortc import RTCIceServer
from aiortc.rtcicetransport import parse_stun_turn_uri

__all__ = ["IceCheck", "IceFinding", "check_ice_servers", "usable_ice_servers"]

CHECK_S = 3.0
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


async def check_ice_servers(servers: Iterable[RTCIceServer], timeout_s: float = CHECK_S) -> list[IceCheck]:
    """Try every URL of ``servers`` at once, in their order; returns after ``timeout_s`` seconds at the latest."""
    return await asyncio.gather(*(_check(server, url, timeout_s) for server, url in _urls(servers)))


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
        return IceFinding.SILENT, type(error).__name__


async def _try(server: RTCIceServer, url: str) -> IceFinding:
    parsed = parse_stun_turn_uri(url)
    address = (parsed["host"].strip("[]"), parsed["port"])
    if parsed["scheme"] == "stun":
        return await _try_stun(address)
    secure, transport = parsed["scheme"] == "turns", parsed.get("transport")
    if parsed["scheme"] == "stuns" or (secure and transport != "tcp"):
        return IceFinding.UNUSABLE
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
    connection = Connection(ice_controlling=True, stun_server=address, use_ipv6=False)
    try:
        await connection.gather_candidates()
        found = any(candidate.type == "srflx" for candidate in connection.local_candidates)
    finally:
        await connection.close()
    return IceFinding.GOOD if found else IceFinding.SILENT
