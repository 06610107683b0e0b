"""Cutting the datagrams of one process by the machine's own packet filter, and nobody else's."""

from __future__ import annotations

import contextlib
import re
import secrets
import subprocess
from collections.abc import Iterator

__all__ = ["udp_cut", "udp_ports"]


def udp_ports(pid: int) -> list[int]:
    """The UDP ports that a process has open, on any address."""
    lines = subprocess.run(["ss", "-uanpH"], capture_output=True, text=True, check=True).stdout.splitlines()
    found = (re.search(r":(\d+)\s", line) for line in lines if f"pid={pid}," in line)
    return sorted({int(match.group(1)) for match in found if match})


@contextlib.contextmanager
def udp_cut(ports: list[int]) -> Iterator[None]:
    """Nothing that is sent from or to these ports arrives. OSError where the packet filter may not be used."""
    table = f"cut{secrets.token_hex(4)}"
    _nft("add", "table", "inet", table)
    try:
        _nft("add", "chain", "inet", table, "out", "{ type filter hook output priority 0 ; }")
        some = "{" + ",".join(map(str, ports)) + "}"
        for side in ("sport", "dport"):
            _nft("add", "rule", "inet", table, "out", "udp", side, some, "drop")
        yield
    finally:
        _nft("delete", "table", "inet", table)


def _nft(*words: str) -> None:
    done = subprocess.run(["nft", *words], capture_output=True, text=True)
    if done.returncode:
        raise OSError(f"nft {' '.join(words)}: {done.stderr.strip()}")
