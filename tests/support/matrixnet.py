"""A small internet of network namespaces between a person's computer and the one where the kernel is.

    a ── home ── carrier ── core ── office ── b
      private   private   public  public   private

Packets go everywhere until a test forbids it: each method is a context, and what it did is undone behind it. ``home``,
``carrier`` and ``office`` can be NATs, and servers of everybody's, STUN and TURN, stand on ``core``.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator

from .namespaces import Host

__all__ = ["CORE", "HOST_B", "Internet", "make_internet"]

CORE = "203.0.113.1"  # how everybody finds the servers of the core
HOST_B = "10.2.0.2"
_LINKS = (  # left, its address, right, its address
    ("a", "10.1.0.2/24", "home", "10.1.0.1/24"),
    ("home", "100.64.0.2/24", "carrier", "100.64.0.1/24"),
    ("carrier", "203.0.113.2/24", "core", f"{CORE}/24"),
    ("core", "198.51.100.1/24", "office", "198.51.100.2/24"),
    ("office", "10.2.0.1/24", "b", f"{HOST_B}/24"),
)
_ROUTES = (
    ("a", "default via 10.1.0.1"),
    ("home", "default via 100.64.0.1"),
    ("carrier", "default via 203.0.113.1"),
    ("carrier", "10.1.0.0/24 via 100.64.0.2"),
    ("core", "100.64.0.0/24 via 203.0.113.2"),
    ("core", "10.1.0.0/24 via 203.0.113.2"),
    ("core", "10.2.0.0/24 via 198.51.100.2"),
    ("office", "default via 198.51.100.1"),
    ("b", "default via 10.2.0.1"),
)
_OUTSIDE = {
    "home": "to_carrier",
    "carrier": "to_core",
    "office": "to_core",
}  # the interface that is the NAT's own face


class Internet:
    """The hosts by name, and what may be done to the network between them."""

    def __init__(self) -> None:
        self.core = Host((), ("unshare", "-rn"))
        self.hosts = {"core": self.core}
        self._tables = itertools.count(1)
        try:
            for name in ("a", "home", "carrier", "office", "b"):
                self.hosts[name] = Host(self.core.enter, ("unshare", "-n"))
            self._connect()
        except BaseException:
            self.close()
            raise
        self.a, self.b = self.hosts["a"], self.hosts["b"]

    def _connect(self) -> None:
        pids = {name: host.keeper.pid for name, host in self.hosts.items()}
        commands = []
        for left, left_address, right, right_address in _LINKS:
            commands.append(
                f"ip link add to_{right} netns {pids[left]} type veth peer name to_{left} netns {pids[right]}"
            )
            for at, to, address in ((left, right, left_address), (right, left, right_address)):
                inside = f"nsenter -t {pids[at]} -n"
                commands.append(f"{inside} ip address add {address} dev to_{to}")
                commands.append(f"{inside} ip link set to_{to} up")
        for name, pid in pids.items():
            commands.append(f"nsenter -t {pid} -n ip link set lo up")
            if name not in ("a", "b"):
                commands.append(f"nsenter -t {pid} -n sysctl -qw net.ipv4.ip_forward=1")
        commands += [f"nsenter -t {pids[name]} -n ip route add {route}" for name, route in _ROUTES]
        self.core.run("\n".join(commands))

    @contextlib.contextmanager
    def nat(self, *routers: str, symmetric: bool = False) -> Iterator[None]:
        """These routers hide what is behind them, and let in only what was asked for from there.

        ``symmetric``: every destination sees another port (RFC 4787: address and port dependent mapping), so STUN is of
        no use; else the port stays, as in most homes.
        """
        hide = "masquerade fully-random" if symmetric else "masquerade"
        with contextlib.ExitStack() as stack:
            for name in routers:
                outside = _OUTSIDE[name]
                rules = (
                    f"post {{ type nat hook postrouting priority 100; }} oif {outside} {hide}",
                    f"pass {{ type filter hook forward priority 0; }} iif {outside} ct state new drop",
                    # or a packet that comes before ours has gone would take our port away
                    f"mine {{ type filter hook input priority 0; }} iif {outside} ct state new drop",
                )
                stack.enter_context(self.rules(name, *rules))
            yield

    @contextlib.contextmanager
    def rules(self, host: str, *chains: str) -> Iterator[None]:
        """Rules of a host's packet filter, each `chain { type … } rule` of nftables."""
        table = f"t{next(self._tables)}"
        commands = [f"nft add table ip {table}"]
        for chain in chains:
            head, rule = chain.split("}", 1)
            name, kind = head.split("{", 1)
            commands.append(f"nft 'add chain ip {table} {name} {{{kind}}}'")
            commands.append(f"nft 'add rule ip {table} {name} {rule}'")
        self.hosts[host].run("\n".join(commands))
        try:
            yield
        finally:
            self.hosts[host].run(f"nft delete table ip {table}")

    def no_udp(self) -> contextlib.AbstractContextManager[None]:
        """Datagrams get lost in silence between the two sides; on each side they work."""
        return self.rules("core", "pass { type filter hook forward priority 0; } ip protocol udp drop")

    def no_way(self) -> contextlib.AbstractContextManager[None]:
        """No packet goes from one side to the other; both reach the core."""
        return self.rules("core", "pass { type filter hook forward priority 0; } drop")

    @contextlib.contextmanager
    def unplugged(self, *hosts: str) -> Iterator[None]:
        """These hosts (`a`, `b`) have their loopback address only."""
        for name in hosts:
            self.hosts[name].run(f"ip link set {_link(name)} down")
        try:
            yield
        finally:
            for name in hosts:
                route = next(route for at, route in _ROUTES if at == name)
                self.hosts[name].run(f"ip link set {_link(name)} up; ip route add {route}")

    def close(self) -> None:
        """Take everything down."""
        for host in self.hosts.values():
            host.close()


def _link(host: str) -> str:
    return {"a": "to_home", "b": "to_office"}[host]


@contextlib.contextmanager
def make_internet() -> Iterator[Internet]:
    """An internet, gone afterwards; raises OSError where there can be none."""
    internet = Internet()
    try:
        yield internet
    finally:
        internet.close()
