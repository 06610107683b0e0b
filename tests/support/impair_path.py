"""The program behind :mod:`.impair`: reads packets from two TUN devices and gives them back later, or never.

A line of JSON on standard input says how each way is to be from now on; the answer is what was counted so far.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import random
import struct
import sys
from collections.abc import Callable
from typing import Any

__all__ = ["Path"]

TUN = "/dev/net/tun"
_TUNSETIFF = 0x400454CA  # linux/if_tun.h
_IFF_TUN_NO_PI = 0x0001 | 0x1000
_LARGEST = 65_535
_QUEUE_S = (
    0.4  # of a way with a rate: what would wait longer than that behind it is dropped, as a router does
)


class Path:
    """One direction. Packets keep their order, whatever the jitter. ``seed`` makes the losses the same each time."""

    def __init__(self, seed: int) -> None:
        self.counts = {"carried": 0, "lost": 0, "overflowed": 0, "bytes": 0}
        self._random = random.Random(seed)
        self._way: dict[str, float] = {}
        self._free_s = 0.0
        self._last_s = 0.0

    def become(self, way: dict[str, float]) -> None:
        """``loss`` (0 to 1), ``delay_ms``, ``jitter_ms`` on top of it, ``rate_bps``; what is not named is none."""
        self._way = way

    def due_s(self, now_s: float, size: int) -> float | None:
        """When a packet of so many bytes that came now is to be handed on; None: never."""
        if self._random.random() < self._way.get("loss", 0.0):
            self.counts["lost"] += 1
            return None
        sent_s = now_s
        if rate_bps := self._way.get("rate_bps"):
            if self._free_s - now_s > _QUEUE_S:
                self.counts["overflowed"] += 1
                return None
            sent_s = self._free_s = max(self._free_s, now_s) + 8 * size / rate_bps
        late_ms = self._way.get("delay_ms", 0.0) + self._random.random() * self._way.get("jitter_ms", 0.0)
        self._last_s = max(self._last_s + 1e-6, sent_s + late_ms / 1000)
        self.counts["carried"] += 1
        self.counts["bytes"] += size
        return self._last_s


def open_tun(name: str) -> int:
    """A TUN device of this network namespace; OSError where there are none."""
    device = os.open(TUN, os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TUN_NO_PI))
    return device


def forward(device: int, path: Path, loop: asyncio.AbstractEventLoop) -> Callable[[], None]:
    """What is done when packets are to be read from a device."""

    def read() -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                packet = os.read(device, _LARGEST)
                due_s = path.due_s(loop.time(), len(packet))
                if due_s is not None:
                    loop.call_at(due_s, os.write, device, packet)

    return read


async def main(names: list[str]) -> None:
    """Forward until standard input ends."""
    loop = asyncio.get_running_loop()
    paths = {name: Path(seed) for seed, name in enumerate(names, 1)}
    for name, path in paths.items():
        device = open_tun(name)
        loop.add_reader(device, forward(device, path, loop))
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    say({"open": True})
    while line := await reader.readline():
        for name, way in json.loads(line).items():
            paths[name].become(way)
        say({name: path.counts for name, path in paths.items()})


def say(message: dict[str, Any]) -> None:
    print(json.dumps(message), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
