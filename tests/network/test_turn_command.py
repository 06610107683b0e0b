"""`smallrtc-lab turn` beside a kernel that only forwarded TCP ports lead to."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from support.namespaces import Host
from support.processes import package_root

from smallrtc_lab.turn.local import read_state, state_file

A = "10.1.0.2"
PORT = 3478
# What `ssh -L` or `docker -p` does: a port of the way to the kernel leads to its loopback address.
FORWARD = f"""
import asyncio
async def copy(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
    writer.close()
async def forward(*outer):
    inner = await asyncio.open_connection("127.0.0.1", {PORT})
    await asyncio.gather(copy(outer[0], inner[1]), copy(inner[0], outer[1]), return_exceptions=True)
async def main():
    async with await asyncio.start_server(forward, "{A}", {PORT}):
        print(flush=True)
        await asyncio.to_thread(input)
asyncio.run(main())
"""


@contextlib.asynccontextmanager
async def program(host: Host, *arguments: str, ready: str, **environment: str) -> AsyncIterator[None]:
    """A Python program on that host, from the line that has `ready` in it to the end of the block."""
    process = await asyncio.create_subprocess_exec(
        *host.enter, sys.executable, "-P", *arguments,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(package_root()), **environment},
    )  # fmt: skip
    assert process.stdout is not None
    async with asyncio.timeout(60):
        while ready not in (line := (await process.stdout.readline()).decode()):
            assert line, f"{arguments} ended"
    try:
        yield
    finally:
        process.terminate()
        await process.communicate()


async def test_one_forwarded_tcp_port_is_enough_for_webrtc(network: Any, wire: Any, tmp_path: Path) -> None:
    """No UDP between the hosts: the page goes through the forwarded port to the TURN server, and the route is turn."""
    network.router.run(
        "nft add table ip u; nft 'add chain ip u pass { type filter hook forward priority 0; }';"
        "nft add rule ip u pass ip protocol udp drop"
    )
    command = ("-m", "smallrtc_lab", "turn", "--ip", "127.0.0.1", "--port", str(PORT))
    async with (
        program(network.a, *command, ready="Ctrl-C", JUPYTER_RUNTIME_DIR=str(tmp_path)),
        program(network.a, "-c", FORWARD, ready="\n"),
    ):
        state = read_state(state_file(tmp_path))
        assert state is not None
        (server,) = state.credentials().ice_servers
        forwarded = {**server, "urls": [f"turn:{A}:{PORT}?transport=tcp"]}
        async with wire(network, ice_servers=[server], page_ice_servers=[forwarded]) as (engine, page):
            engine.tell(send={"hello": "page"})
            await page.hear(lambda m: "received" in m)
            engine.tell(stats=None)
            stats = (await engine.hear(lambda m: "stats" in m))["stats"]
            assert stats["connection"]["route"] == "turn"
    assert list(tmp_path.iterdir()) == []
