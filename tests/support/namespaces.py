"""A little network of this machine's own: two hosts and a router between them, each a network namespace.

    a 10.1.0.2 ── 10.1.0.1 router 10.2.0.1 ── 10.2.0.2 b

Nothing outside is touched, and no root is needed where user namespaces are allowed. Linux only.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from .processes import package_root

__all__ = ["ROUTER", "ROUTER_SEEN_BY_B", "B", "Host", "Network", "make_network"]

ROUTER = "10.1.0.1"
ROUTER_SEEN_BY_B = "10.2.0.1"
B = "10.2.0.2"
_FAMILY = (("a", "10.1.0.2/24", "10.1.0.1/24"), ("b", "10.2.0.2/24", "10.2.0.1/24"))


class Host:
    """One namespace, kept by a process that sleeps."""

    def __init__(self, enter: tuple[str, ...], command: tuple[str, ...]) -> None:
        self.keeper = subprocess.Popen(
            [*enter, *command, sys.executable, "-c", "print(flush=True); input()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.keeper.stdout is not None
        if not self.keeper.stdout.readline():
            assert self.keeper.stderr is not None
            raise OSError(f"no network namespaces here: {self.keeper.stderr.read().strip()}")
        self.enter = ("nsenter", "-t", str(self.keeper.pid), "-U", "-n", "--preserve-credentials")
        # from another host of the same network
        self.enter_beside = ("nsenter", "-t", str(self.keeper.pid), "-n")

    def run(self, command: str) -> None:
        """Run a shell command there; AssertionError with what it said when it fails."""
        done = subprocess.run([*self.enter, "sh", "-ec", command], capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, f"{command}: {done.stderr}"

    def popen(self, *command: Any, environment: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """Start a Python program there that speaks lines on its standard streams."""
        return subprocess.Popen(
            [*self.enter, sys.executable, *map(str, command)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(package_root()), **(environment or {})},
        )

    def close(self) -> None:
        """The namespace goes with its last process."""
        self.keeper.kill()
        self.keeper.communicate()


class Network:
    """Hosts `a` and `b` and the `router` between them."""

    def __init__(self) -> None:
        self.router = Host((), ("unshare", "-rn"))
        self.a = Host(self.router.enter, ("unshare", "-n"))
        self.b = Host(self.router.enter, ("unshare", "-n"))
        self.router.run("ip link set lo up; echo 1 > /proc/sys/net/ipv4/ip_forward")
        for (name, address, gateway), host in zip(_FAMILY, (self.a, self.b), strict=True):
            pid = host.keeper.pid
            self.router.run(
                f"ip link add r{name} type veth peer name e{name} netns {pid};"
                f"ip address add {gateway} dev r{name}; ip link set r{name} up"
            )
            host.run(
                f"ip link set lo up; ip address add {address} dev e{name}; ip link set e{name} up;"
                f"ip route add default via {gateway.split('/')[0]}"
            )

    def forward(self, allowed: bool) -> None:
        """Whether the hosts reach each other, or the router only."""
        self.router.run(f"echo {int(allowed)} > /proc/sys/net/ipv4/ip_forward")

    def hide_a(self) -> None:
        """The router becomes the NAT of host a: seen from b everything of a's has the router's address there."""
        self.router.run(
            "nft add table ip n; nft 'add chain ip n post { type nat hook postrouting priority 100; }';"
            "nft add rule ip n post oif rb masquerade;"
            "nft 'add chain ip n pass { type filter hook forward priority 0; }';"
            "nft add rule ip n pass iif rb ct state new drop"
        )

    def narrow(self, mtu: int) -> None:
        """The second half of the way lets no larger packet through."""
        self.router.run(f"ip link set rb mtu {mtu}")
        self.b.run(f"ip link set eb mtu {mtu}")

    def hide_mtu(self, hidden: bool) -> None:
        """Whether nobody hears of packets that were too large (a black hole for path MTU discovery, RFC 2923)."""
        if hidden:
            self.router.run(
                "nft add table ip t; nft 'add chain ip t out { type filter hook output priority 0; }';"
                "nft add rule ip t out icmp type destination-unreachable drop"
            )
        else:
            self.router.run("nft delete table ip t")

    def close(self) -> None:
        """Take everything down."""
        for host in (self.a, self.b, self.router):
            host.close()


@contextlib.contextmanager
def make_network() -> Iterator[Network]:
    """A network, gone afterwards; raises OSError where there can be none."""
    network = Network()
    try:
        yield network
    finally:
        network.close()
