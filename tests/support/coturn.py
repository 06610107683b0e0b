"""A real TURN server, coturn, on this machine: one user with a password, or short-lived credentials from a secret."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import socket
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .authority import TestAuthority

__all__ = ["Coturn", "free_port", "run_coturn"]

START_S = 30.0


@dataclass(frozen=True)
class Coturn:
    """A running server; `log` is what it printed."""

    host: str
    port: int
    username: str
    credential: str
    log: Path
    secret: str | None = None

    @property
    def stun(self) -> str:
        return f"stun:{self.host}:{self.port}"

    def turn(self, transport: str = "udp") -> dict[str, Any]:
        """The server as an ICE server object, with its credential."""
        return {"urls": self.url(transport), "username": self.username, "credential": self.credential}

    def url(self, transport: str = "udp") -> str:
        """The server's URL; `transport` is "udp", "tcp" or "tls"."""
        if transport == "tls":  # coturn takes TLS on its plain port, too
            return f"turns:{self.host}:{self.port}?transport=tcp"
        return f"turn:{self.host}:{self.port}?transport={transport}"


@contextlib.asynccontextmanager
async def run_coturn(
    directory: Path,
    *,
    host: str = "127.0.0.1",
    username: str = "mary",
    password: str = "hush-hush-47",
    secret: str | None = None,
    port: int | None = None,
    authority: TestAuthority | None = None,
    enter: tuple[str, ...] = (),
) -> AsyncIterator[Coturn]:
    """A server on `host`, gone afterwards. With `secret` the user is `expiry:username` (REST API for TURN).

    With `authority` it takes TLS, with the certificate that was signed there.

    `enter` is the command that runs it in another network namespace.
    """
    port, log = port or free_port("127.0.0.1"), directory / "coturn.log"
    if secret is not None:
        username = f"{int(time.time()) + 600}:{username}"
        digest = hmac.digest(secret.encode(), username.encode(), hashlib.sha1)
        password = base64.b64encode(digest).decode()
        access = ["--use-auth-secret", f"--static-auth-secret={secret}"]
    else:
        access = ["--lt-cred-mech", f"--user={username}:{password}"]
    tls = (
        ["--no-tls"] if authority is None else [f"--cert={authority.certificate}", f"--pkey={authority.key}"]
    )
    command = [
        *enter, "turnserver", "-n", "--listening-ip", host, "--relay-ip", host, "--listening-port", str(port),
        "--realm=test", "--allow-loopback-peers", "--no-cli", "--no-dtls", *tls, "--no-multicast-peers",
        f"--pidfile={directory / 'coturn.pid'}", "--log-file=stdout", f"--userdb={directory / 'turndb'}", *access,
    ]  # fmt: skip
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output, cwd=directory
        )
    try:
        await listening(host, port, process, log, enter)
        yield Coturn(host, port, username, password, log, secret)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def free_port(host: str) -> int:
    """A port of that address that nobody uses now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


async def listening(
    host: str, port: int, process: asyncio.subprocess.Process, log: Path, enter: tuple[str, ...]
) -> None:
    """It listens on TCP and UDP at once; wait for the one that can be seen."""
    dial = f"import socket; socket.create_connection(({host!r}, {port}), 5).close()"
    async with asyncio.timeout(START_S):
        while True:
            assert process.returncode is None, f"coturn ended: {log.read_text(errors='replace')}"
            probe = await asyncio.create_subprocess_exec(
                *enter, sys.executable, "-c", dial, stderr=asyncio.subprocess.DEVNULL
            )
            if await probe.wait() == 0:
                return
            await asyncio.sleep(0.05)
