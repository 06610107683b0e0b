"""A piece of network between two peers: a UDP relay that counts the datagrams and can lose some."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

__all__ = ["UdpRelay"]

Address = tuple[Any, ...]


class UdpRelay:
    """Stands at an address of its own for `target`, as a NAT does: each sender gets a port of its own towards it.

    `sizes` holds the length of every datagram from the target, headers of IP and UDP not counted. Datagrams for which
    `loses(length)` holds are lost, both ways.
    """

    def __init__(self, target: Address) -> None:
        self.target = target
        self.sizes: list[int] = []
        self.loses: Callable[[int], bool] = lambda length: False
        self.lost = 0
        self._front: asyncio.DatagramTransport | None = None
        self._ports: dict[Address, asyncio.Task[asyncio.DatagramTransport]] = {}

    @classmethod
    async def into(cls, answer: str, host: str = "127.0.0.1") -> tuple[str, UdpRelay]:
        """The answer with a relay in the place of its candidate of `host`, the only one it keeps; and that relay."""
        lines = answer.splitlines()
        wanted = re.compile(rf"a=candidate:\S+ \d+ udp \d+ {re.escape(host)} (\d+) typ host", re.IGNORECASE)
        found = next((found for found in map(wanted.match, lines) if found), None)
        assert found is not None, f"no candidate of {host} in {answer}"
        relay = cls((host, int(found[1])))
        loop = asyncio.get_running_loop()
        relay._front, _ = await loop.create_datagram_endpoint(
            lambda: _Socket(relay._inward), local_addr=(host, 0)
        )
        port = relay._front.get_extra_info("sockname")[1]
        kept = [line for line in lines if line == found.string or not line.startswith("a=candidate:")]
        moved = found.string.replace(f" {found[1]} typ", f" {port} typ")
        kept = [moved if line == found.string else line for line in kept]  # once in each bundled section
        return "\r\n".join(kept) + "\r\n", relay

    def close(self) -> None:
        """The network is gone."""
        for port in self._ports.values():
            if port.done():
                port.result().close()
            port.cancel()
        if self._front is not None:
            self._front.close()

    def _inward(self, datagram: bytes, sender: Address) -> None:
        port = self._ports.get(sender)
        if port is None:
            port = self._ports[sender] = asyncio.get_running_loop().create_task(self._open(sender))
        if self.loses(len(datagram)):
            self.lost += 1
        elif port.done():  # what comes before that is lost, as on any network
            port.result().sendto(datagram, self.target)

    async def _open(self, sender: Address) -> asyncio.DatagramTransport:
        loop = asyncio.get_running_loop()
        host = self.target[0]
        transport, _ = await loop.create_datagram_endpoint(
            lambda: _Socket(lambda datagram, _: self._outward(datagram, sender)), local_addr=(host, 0)
        )
        return transport

    def _outward(self, datagram: bytes, receiver: Address) -> None:
        self.sizes.append(len(datagram))
        if self.loses(len(datagram)):
            self.lost += 1
        elif self._front is not None:
            self._front.sendto(datagram, receiver)


class _Socket(asyncio.DatagramProtocol):
    def __init__(self, received: Callable[[bytes, Address], None]) -> None:
        self.datagram_received = received  # type: ignore[method-assign]
