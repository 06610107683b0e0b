"""The rungs of the ladder one after the other, with the same test picture: what each costs beside WebRTC direct."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import psutil
from playwright.async_api import Browser, async_playwright
from stage import jupyter
from support.chromium import launch_chromium
from support.coturn import run_coturn
from support.jupyter import JupyterServer
from support.kernel import Kernel
from support.labview import LabView
from support.notebookpage import NotebookPage

__all__ = ["rungs"]

# W3C iceTransportPolicy: no address of the page's own is used, only its TURN server
TURN_ONLY = """(() => {
  const Real = RTCPeerConnection
  window.RTCPeerConnection = class extends Real {
    constructor(options) { super({ ...options, iceTransportPolicy: 'relay' }) }
  }
})()"""
NO_CODECS = (
    "for (const n of ['VideoEncoder', 'AudioEncoder', 'VideoDecoder', 'AudioDecoder']) delete window[n]"
)
CELL = """
import time
from smallrtc_lab import Lab
lab = Lab(fallback="test-signal", {options})

@lab.on_video
def echo(frame):
    return frame.image

@lab.on_audio
def same(chunk):
    return chunk.samples

lab
"""
FIRST = "lab.wait_live(60); lab.video.latest(); print(time.time())"
SETTLE_S = 12.0  # bitrates have climbed, and the page's figure holds pictures of that time only
GOAL = 1.5  # of the relay's way to Python and back against WebRTC's


@dataclass(frozen=True)
class Rung:
    """One way, and how a page is brought to take it."""

    name: str
    route: str
    options: str = ""
    script: str = ""


@dataclass(frozen=True)
class Found:
    """Figures of one rung: seconds, milliseconds, cores."""

    first_s: float
    echo_ms: float
    echo_p95_ms: float
    fps: float
    engine: float
    server: float
    browser: float


async def rungs(seconds: float = 15.0) -> None:
    print("\nEach rung: click → first picture in Python; page → function → page by a time code; cores used\n")
    print(f"{'rung':<20}{'first s':>8}{'median ms':>11}{'p95 ms':>8}{'ratio':>7}{'fps':>6}", end="")
    print(f"{'engine':>8}{'server':>8}{'browser':>9}")
    with tempfile.TemporaryDirectory() as directory, jupyter("lab") as server:
        async with run_coturn(Path(directory)) as coturn, async_playwright() as driver:
            turned = [
                Rung(f"TURN over {one.upper()}", "turn", f"ice_servers=[{coturn.turn(one)!r}]", TURN_ONLY)
                for one in ("udp", "tcp")
            ]
            relayed = [
                Rung("relay, WebCodecs", "relay", "webrtc=False"),
                Rung("relay, JPEG + PCM", "relay", "webrtc=False", NO_CODECS),
            ]
            browser = await launch_chromium(driver, None)
            direct: Found | None = None
            for rung in (Rung("direct", "direct"), *turned, *relayed):
                found = await measured(server, browser, rung, seconds, Path(directory))
                direct = direct or found
                show(rung, found, found.echo_ms / direct.echo_ms)
            await browser.close()


def show(rung: Rung, found: Found, ratio: float) -> None:
    goal = f"   goal ≤ {GOAL}" if rung.name == "relay, WebCodecs" else ""
    print(
        f"{rung.name:<20}{found.first_s:>8.2f}{found.echo_ms:>11.0f}{found.echo_p95_ms:>8.0f}{ratio:>7.2f}{found.fps:>6.1f}"
        f"{found.engine:>8.2f}{found.server:>8.2f}{found.browser:>9.2f}{goal}",
        flush=True,
    )


async def measured(
    server: JupyterServer, browser: Browser, rung: Rung, seconds: float, directory: Path
) -> Found:
    async with opened(server, browser, rung, directory) as notebook:
        await notebook.run(0)
        view, kernel = LabView(notebook, 0), await notebook.kernel()
        await view.wait_link("open")
        await notebook.submit(1)
        await asyncio.sleep(0.5)
        clicked_s = time.time()
        await view.press("Start")
        first_s = float((await notebook.wait_cell(1)).text.split()[-1]) - clicked_s
        await kernel.wait_value(f"lab.route == {rung.route!r}")
        await asyncio.sleep(SETTLE_S)
        return await figures(server, kernel, first_s, seconds)


@contextlib.asynccontextmanager
async def opened(
    server: JupyterServer, browser: Browser, rung: Rung, directory: Path
) -> AsyncIterator[NotebookPage]:
    context = await browser.new_context(viewport={"width": 1280, "height": 1000})
    if rung.script:
        await context.add_init_script(rung.script)
    name = "".join(letter for letter in rung.name if letter.isalnum())
    path = server.write_notebook(f"{name}.ipynb", [CELL.format(options=rung.options), FIRST])
    notebook = NotebookPage(server, context, await context.new_page(), path, directory)
    try:
        yield await notebook.open()
    finally:
        await notebook.close()


async def figures(server: JupyterServer, kernel: Kernel, first_s: float, seconds: float) -> Found:
    assert server.process is not None
    engine = [psutil.Process(await kernel.value("lab.stats()['engine']['pid']"))]
    chromium = [one for one in psutil.Process().children(recursive=True) if "chrom" in one.name()]
    groups = [engine, [psutil.Process(server.process.pid)], chromium]
    before = [cpu_s(group) for group in groups]
    received = await kernel.value("lab.stats()['video']['camera']['received']")
    begun_s = time.monotonic()
    await asyncio.sleep(seconds)
    took_s = time.monotonic() - begun_s
    page = await kernel.value("lab.stats()['page']")
    fps = (await kernel.value("lab.stats()['video']['camera']['received']") - received) / took_s
    used = [(cpu_s(group) - was) / took_s for group, was in zip(groups, before, strict=True)]
    return Found(first_s, page["echo_ms"], page["echo_p95_ms"], fps, *used)


def cpu_s(processes: list[psutil.Process]) -> float:
    return sum(sum(one.cpu_times()[:2]) for one in processes if one.is_running())
