"""A TCP port of one host that leads to a port of another, where no packet goes: what ``ssh -L`` or ``docker -p`` does.

The program listens where it is started, moves to the other host with that socket in its hand, and connects there.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the program itself starts quickly
    from .namespaces import Host

__all__ = ["tunnel", "wire"]

LOOPBACK = "127.0.0.1"


@contextlib.contextmanager
def tunnel(source: Host | None, target: Host, port: int) -> Iterator[None]:
    """Port ``port`` of the loopback address of ``source`` leads to the same of ``target``.

    Without ``source`` it is a port of this machine: the way of a test to a server in a namespace.
    """
    enter = target.enter if source is None else target.enter_beside
    outer = () if source is None else source.enter
    command = [*outer, sys.executable, "-P", __file__, str(port), *enter]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        assert process.stdout.readline(), f"no tunnel to port {port}"
        yield
    finally:
        process.kill()
        process.communicate()


@contextlib.contextmanager
def wire(source: Host, target: Host, address: str, port: int) -> Iterator[int]:
    """A port of the loopback address of ``source`` leads to ``port`` of that of ``target``, and packets go all the way.

    So does a proxy at ``address``, which is one of ``target``. Gives that port of ``source``, another than ``port``.
    """
    near = port + 1 if port < 65535 else port - 1
    ends = ((target, address, port, LOOPBACK, port), (source, LOOPBACK, near, address, port))
    with contextlib.ExitStack() as stack:
        for host, *places in ends:
            command = [*host.enter, sys.executable, "-P", __file__, "--wire", *map(str, places)]
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
            stack.callback(process.communicate)
            stack.callback(process.kill)
            assert process.stdout is not None
            assert process.stdout.readline(), f"no wire to port {port}"
        yield near


def listen(port: int, enter: list[str]) -> None:
    """Take the port here, and go on as another process elsewhere."""
    listening = socket.create_server((LOOPBACK, port), backlog=128)
    os.set_inheritable(listening.fileno(), True)
    command = [*enter, sys.executable, "-P", __file__, "--socket", str(listening.fileno()), str(port)]
    os.execvp(command[0], command)


async def forward(listening: socket.socket, port: int, host: str = LOOPBACK) -> None:
    """Every connection is continued to the port of that host, until the process is killed."""

    async def one(*outer: asyncio.StreamReader | asyncio.StreamWriter) -> None:
        reader, writer = outer
        assert isinstance(reader, asyncio.StreamReader)
        assert isinstance(writer, asyncio.StreamWriter)
        async with _closed(writer):
            try:
                inner = await asyncio.open_connection(host, port)
            except OSError:
                return  # nobody listens there (yet): as an ssh tunnel, it hangs up
            async with _closed(inner[1]):
                await asyncio.gather(_copy(reader, inner[1]), _copy(inner[0], writer))

    async with await asyncio.start_server(one, sock=listening) as server:
        sys.stdout.write("\n")
        sys.stdout.flush()
        await server.serve_forever()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


@contextlib.asynccontextmanager
async def _closed(writer: asyncio.StreamWriter) -> AsyncIterator[None]:
    try:
        yield
    finally:
        writer.close()


if __name__ == "__main__":
    if sys.argv[1] == "--socket":
        asyncio.run(forward(socket.socket(fileno=int(sys.argv[2])), int(sys.argv[3])))
    elif sys.argv[1] == "--wire":
        here, at, there, to = sys.argv[2:]
        asyncio.run(forward(socket.create_server((here, int(at)), backlog=128), int(to), there))
    else:
        listen(int(sys.argv[1]), sys.argv[2:])
