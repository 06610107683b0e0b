"""A worse way through a router: packets are lost, come late, wait for a slow line; each direction of its own.

Many kernels have no netem. So the router's routes lead what it forwards into two TUN devices, one a direction, and a
program (:mod:`.impair_path`) gives it back. What the router itself sends and receives is not touched, and it must be
no NAT.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from . import impair_path
from .namespaces import Host

__all__ = ["Impairment", "Way", "impaired"]


@dataclass(frozen=True)
class Way:
    """One direction: ``loss`` of 0 to 1 of all packets, milliseconds, and bits a second (None: as many as come)."""

    loss: float = 0.0
    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    rate_bps: float | None = None


class Impairment:
    """What stands between the two sides of a router; both ways are perfect until it is told otherwise."""

    def __init__(self, router: Host, sides: tuple[str, str]) -> None:
        self._router = router
        self._sides = sides
        self._names = [f"i{side}" for side in sides]
        self._program = router.popen(Path(impair_path.__file__), *self._names)
        if not self._heard().get("open"):
            raise OSError("no TUN device here")
        for number, (side, name) in enumerate(zip(sides, self._names, strict=True), 101):
            router.run(
                f"echo 0 > /proc/sys/net/ipv4/conf/all/rp_filter; echo 0 > /proc/sys/net/ipv4/conf/{name}/rp_filter;"
                f"ip link set {name} up txqueuelen 5000; ip route add default dev {name} table {number};"
                f"ip rule add iif {side} lookup {number}"
            )

    def become(self, there: Way, back: Way | None = None) -> None:
        """``there`` is the way from the first side to the second from now on, ``back`` (else the same) the other."""
        ways = dict(zip(self._names, (there, back or there), strict=True))
        self._told({name: _given(way) for name, way in ways.items()})

    def round_trip(self, *, loss: float, rtt_ms: float, jitter_ms: float = 0.0) -> None:
        """The usual: so much loss in each direction, half of the time each way."""
        self.become(Way(loss=loss, delay_ms=rtt_ms / 2, jitter_ms=jitter_ms))

    def counts(self) -> dict[str, dict[str, int]]:
        """By first and second side: packets ``carried``, ``lost``, ``overflowed``, and ``bytes`` carried."""
        said = self._told({})
        return {side: said[name] for side, name in zip(self._sides, self._names, strict=True)}

    def close(self) -> None:
        """Everything passes by the straight way again."""
        for number, side in enumerate(self._sides, 101):
            self._router.run(f"ip rule delete iif {side} lookup {number}")
        self._program.communicate(timeout=10)

    def _told(self, ways: dict[str, dict[str, Any]]) -> dict[str, Any]:
        assert self._program.stdin is not None
        self._program.stdin.write(json.dumps(ways) + "\n")
        self._program.stdin.flush()
        return self._heard()

    def _heard(self) -> dict[str, Any]:
        assert self._program.stdout is not None
        line = self._program.stdout.readline()
        return dict(json.loads(line)) if line else {}


@contextlib.contextmanager
def impaired(router: Host, near: str = "ra", far: str = "rb") -> Iterator[Impairment]:
    """Put it between two devices of a router. OSError where there are no TUN devices."""
    impairment = Impairment(router, (near, far))
    try:
        yield impairment
    finally:
        impairment.close()


def _given(way: Way) -> dict[str, float]:
    return {name: value for name, value in asdict(way).items() if value}
