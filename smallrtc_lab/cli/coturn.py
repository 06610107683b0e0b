"""coturn as a child of this process: how it is set up, how it starts, and that it never stays behind."""

from __future__ import annotations

import contextlib
import ctypes
import ipaddress
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path

import ifaddr

__all__ = ["CoturnEnded", "own_addresses", "running_coturn"]

START_S = 10.0
STOP_S = 3.0
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


class CoturnEnded(Exception):
    """It did not start; the message is the end of what it said."""


def own_addresses() -> list[str]:
    """This machine's IP addresses: the only ones that media may be relayed to."""
    found = {"127.0.0.1", "::1"}
    for adapter in ifaddr.get_adapters():
        for one in adapter.ips:
            found.add(one.ip if isinstance(one.ip, str) else one.ip[0])
    return sorted(found)


def configuration(ip: str, port: int, secret: str, peers: Iterable[str], directory: Path) -> str:
    """The text of its configuration file: one TCP port, short-lived credentials, and this machine only.

    What is allowed goes before what is denied (turnserver(1), allowed-peer-ip).
    """
    lines = [
        f"listening-ip={ip}",
        f"listening-port={port}",
        "relay-ip=127.0.0.1",
        "no-udp",
        "no-tls",
        "no-dtls",
        "no-tcp-relay",
        "no-cli",
        "no-multicast-peers",
        "allow-loopback-peers",
        "denied-peer-ip=0.0.0.0-255.255.255.255",
        "denied-peer-ip=::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        *(f"allowed-peer-ip={address}" for address in peers if _plain(address)),
        "use-auth-secret",
        f"static-auth-secret={secret}",
        "realm=smallrtc-lab",
        "total-quota=200",
        "relay-threads=1",
        f"userdb={directory / 'turndb'}",
        f"pidfile={directory / 'coturn.pid'}",
        "log-file=stdout",
        "simple-log",
    ]
    return "\n".join([*lines, ""])


@contextlib.contextmanager
def running_coturn(program: str, ip: str, port: int, secret: str) -> Iterator[subprocess.Popen[bytes]]:
    """The server from when it listens to the end of the block; raises :class:`CoturnEnded`.

    Its secret is in a file that only its owner may read, not on a command line that everybody may.
    """
    with tempfile.TemporaryDirectory(prefix="smallrtc-lab-turn-") as name:
        directory = Path(name)
        file = directory / "turnserver.conf"
        file.touch(0o600)
        file.write_text(configuration(ip, port, secret, own_addresses(), directory))
        process = subprocess.Popen(
            [program, "-c", str(file)],
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            process_group=0
            if os.name == "posix"
            else None,  # the terminal's Ctrl-C is for the parent, which tidies up
            preexec_fn=_end_with_parent if sys.platform == "linux" else None,
        )
        said: deque[str] = deque(maxlen=8)
        reader = threading.Thread(target=_read, args=(process, said), name="coturn output", daemon=True)
        reader.start()
        try:
            _await_listening(process, ip, port, said)
            yield process
        finally:
            _stop(process)
            reader.join(STOP_S)


def _plain(address: str) -> bool:
    """Whether coturn understands it: a link-local address has a zone behind it."""
    try:
        return not ipaddress.ip_address(address).is_link_local
    except ValueError:
        return False


def _end_with_parent() -> None:
    """In the child: when this process is killed, the kernel ends it, too (prctl(2))."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _read(process: subprocess.Popen[bytes], said: deque[str]) -> None:
    assert process.stdout is not None
    with process.stdout:
        for line in process.stdout:
            said.append(line.decode(errors="replace").rstrip())


def _await_listening(process: subprocess.Popen[bytes], ip: str, port: int, said: deque[str]) -> None:
    """It tells nobody that it listens, so it is dialled, and its end is waited for in between."""
    host = "127.0.0.1" if ip == "0.0.0.0" else ip
    until_s = time.monotonic() + START_S
    while time.monotonic() < until_s:
        try:
            socket.create_connection((host, port), 1.0).close()
            return
        except OSError:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.05)
                break
    raise CoturnEnded("\n".join(said) or "it said nothing")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
