"""What the benchmarks share: a Jupyter server, a kernel in it, and a sender in a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

from support.jupyter import JupyterServer
from support.kernel import Kernel

__all__ = ["SIZES", "Peer", "jupyter", "kernel", "offer_url"]

HERE = Path(__file__).parent
SIZES = {"480p": (640, 480), "720p": (1280, 720)}


@contextlib.contextmanager
def jupyter(app: str = "server") -> Iterator[JupyterServer]:
    with tempfile.TemporaryDirectory() as directory:
        server = JupyterServer(Path(directory) / "jupyter", app=app).start()  # type: ignore[arg-type]
        try:
            yield server
        finally:
            server.stop()


@contextlib.asynccontextmanager
async def kernel(server: JupyterServer, code: str) -> AsyncIterator[Kernel]:
    running = await server.start_kernel()
    try:
        await running.execute(code, 60)
        yield running
    finally:
        await running.shutdown()


class Peer:
    """The sending process."""

    def __init__(self, url: str, headers: dict[str, str], size: str, seconds: float, mode: str) -> None:
        width, height = SIZES[size]
        task = {
            "url": url,
            "headers": headers,
            "width": width,
            "height": height,
            "seconds": seconds,
            "mode": mode,
        }
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "peer.py"), json.dumps(task)],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(HERE.parent.parent)},
            text=True,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline().strip() == "sending"

    def figures(self) -> dict[str, Any]:
        out, _ = self.process.communicate(timeout=120)
        result: dict[str, Any] = json.loads(out.strip().splitlines()[-1])
        return result


def offer_url(server: JupyterServer, session: str) -> str:
    return f"{server.url}smallrtc/sessions/{session}/api/offer"
