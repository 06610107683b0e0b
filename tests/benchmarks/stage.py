"""What the benchmarks share: a Jupyter server, a kernel in it, a sender in a process of its own, and live notebooks."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Playwright, async_playwright
from support.chromium import launch_chromium
from support.jupyter import JupyterServer
from support.kernel import Kernel
from support.knownmedia import make_known_media
from support.labview import WATCH_MEDIA, LabView
from support.notebookpage import NotebookPage
from support.traces import engine_of

__all__ = ["LARGE", "SIZES", "Peer", "Scene", "Theatre", "jupyter", "kernel", "offer_url", "theatre"]

HERE = Path(__file__).parent
SIZES = {"480p": (640, 480), "720p": (1280, 720)}
LARGE = {"1080p": (1920, 1080)}


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

    def __init__(
        self, url: str, headers: dict[str, str], size: str, seconds: float, mode: str, rate: int = 30
    ) -> None:
        width, height = (SIZES | LARGE)[size]
        task = {
            "url": url,
            "headers": headers,
            "width": width,
            "height": height,
            "seconds": seconds,
            "mode": mode,
            "rate": rate,
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


LAB = "import smallrtc_lab\nlab = smallrtc_lab.Lab()\nlab"


@dataclass
class Scene:
    """A notebook in JupyterLab whose first cell has a live Lab, and the processes behind it."""

    server: JupyterServer
    browser: Browser
    notebook: NotebookPage
    view: LabView
    kernel: Kernel
    kernel_pid: int
    engine_pid: int


class Theatre:
    """A JupyterLab and a Chromium with known camera; scenes are played in them one after the other.

    A server or browser that a scene has killed is replaced for the next one.
    """

    def __init__(self, driver: Playwright, directory: Path) -> None:
        self.driver = driver
        self.directory = directory
        self.media = make_known_media(directory)
        self.server: JupyterServer | None = None
        self.browser: Browser | None = None
        self.host: str | None = None  # the server's name in the address bar, when it is not 127.0.0.1
        self.scenes = 0

    @contextlib.asynccontextmanager
    async def scene(self, *cells: str, accept: bool = True, **context: Any) -> AsyncIterator[Scene]:
        """A live Lab in the first of these cells; without `accept` in a browser that asks before it opens a device."""
        self.scenes += 1
        server, browser = self.stage(), await self.window(accept)
        path = server.write_notebook(f"scene-{self.scenes}.ipynb", [LAB, *cells])
        page = await browser.new_context(viewport={"width": 1280, "height": 900}, **context)
        await page.add_init_script(WATCH_MEDIA)
        notebook = NotebookPage(server, page, await page.new_page(), path, self.directory, self.host)
        await notebook.open()
        try:
            yield await self.live(server, browser, notebook)
        finally:
            with contextlib.suppress(Exception):  # whatever the scene has left of it
                await asyncio.wait_for(notebook.close(), 10)
            if not accept:
                await browser.close()

    async def live(self, server: JupyterServer, browser: Browser, notebook: NotebookPage) -> Scene:
        await notebook.run(0)
        view = LabView(notebook, 0)
        await view.start()
        kernel = await notebook.kernel()
        await kernel.wait_value("lab.state == 'live'")
        pid = kernel.pid
        return Scene(server, browser, notebook, view, kernel, pid, engine_of(pid))

    def stage(self) -> JupyterServer:
        if self.server is None or self.server.process is None or self.server.process.poll() is not None:
            self.server = JupyterServer(self.directory / f"jupyter-{self.scenes}").start()
        return self.server

    async def window(self, accept: bool = True) -> Browser:
        if not accept:
            return await launch_chromium(self.driver, self.media, accept=False)
        if self.browser is None or not self.browser.is_connected():
            self.browser = await launch_chromium(self.driver, self.media)
        return self.browser

    async def close(self) -> None:
        if self.browser is not None:
            await self.browser.close()
        if self.server is not None:
            self.server.stop()


@contextlib.asynccontextmanager
async def theatre() -> AsyncIterator[Theatre]:
    with tempfile.TemporaryDirectory() as directory:
        async with async_playwright() as driver:
            house = Theatre(driver, Path(directory))
            try:
                yield house
            finally:
                await house.close()
