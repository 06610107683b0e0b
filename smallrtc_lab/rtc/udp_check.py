"""Whether UDP works within this machine: without it no WebRTC connection can be made here at all."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from aioice.ice import get_host_addresses

__all__ = ["UdpCheck", "check_udp"]

_UDP_S = 1.0


@dataclass(frozen=True)
class UdpCheck:
    """One address of this machine, whether a datagram got from it to itself, and after how many milliseconds."""

    address: str
    works: bool
    took_ms: float


async def check_udp() -> list[UdpCheck]:
    """Send a datagram by each IPv4 address of this machine to itself; within a second.

    ICE needs them. A firewall of this machine may forbid them; without a network there is the loopback address only.
    """
    addresses = ["127.0.0.1", *get_host_addresses(use_ipv4=True, use_ipv6=False)]
    return await asyncio.gather(*(_send_to_itself(address) for address in dict.fromkeys(addresses)))


async def _send_to_itself(address: str) -> UdpCheck:
    began_s = time.monotonic()
    loop = asyncio.get_running_loop()
    echo = _Echo()
    works = False
    try:
        transport, _ = await loop.create_datagram_endpoint(lambda: echo, local_addr=(address, 0))
        try:
            transport.sendto(b"?", transport.get_extra_info("sockname"))
            async with asyncio.timeout(_UDP_S):
                await echo.heard.wait()
            works = True
        finally:
            transport.close()
    except (OSError, TimeoutError):
        pass  # that it does not work is the finding
    return UdpCheck(address, works, (time.monotonic() - began_s) * 1000)


class _Echo(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.heard = asyncio.Event()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.heard.set()
