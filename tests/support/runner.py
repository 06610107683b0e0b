"""`smallrtc-lab run` as a person starts it: a process, what it prints, and its end."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from .processes import ProcessFamily

__all__ = ["TOKEN", "Runner", "running"]

DEADLINE_S = 60
TOKEN = "a-token"


class Runner:
    """The running command; `text` is all that it printed."""

    def __init__(self, process: asyncio.subprocess.Process, family: ProcessFamily, port: int) -> None:
        self.process = process
        self.family = family
        self.root = f"http://localhost:{port}/"
        self.text = ""
        self._reading = asyncio.create_task(self._read())

    async def said(self, pattern: str) -> re.Match[str]:
        """Wait until something like that was printed, after what was found before; what it was."""
        async with asyncio.timeout(DEADLINE_S):
            while not (found := re.search(pattern, self.text)):
                assert not self._reading.done(), self.text
                await asyncio.sleep(0.05)
        self.text = self.text[found.end() :]
        return found

    async def stop(self) -> int:
        """Press Ctrl-C; the exit code."""
        self.process.send_signal(signal.SIGINT)
        return await self.ended()

    async def ended(self) -> int:
        async with asyncio.timeout(DEADLINE_S):
            await self._reading
            return await self.process.wait()

    def bots(self) -> list[int]:
        """The process ids of the bots' processes."""
        return [one.pid for one in self.family.members() if "smallrtc_lab.bots" in one.cmdline()]

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.text += line.decode()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def running(home: Path, bot: Path, *options: str) -> AsyncIterator[Runner]:
    """The command on a machine without a display; nothing of it may be left when it has ended."""
    family, port = ProcessFamily(home), free_port()
    home.mkdir()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "smallrtc_lab", "run", str(bot), "--no-browser", "--token", TOKEN,
        "--port", str(port), *options,
        env=family.environment({"PYTHONUNBUFFERED": "1"}),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    runner = Runner(process, family, port)
    try:
        yield runner
        assert process.returncode is not None, "the test must end it"
        assert await asyncio.to_thread(family.end) == []
    finally:
        await asyncio.to_thread(family.end, 0.0)
        await process.wait()
