"""Plots of a real kernel behind a real Jupyter server, seen by a page that is a WebSocket client."""

from __future__ import annotations

import asyncio
import io
import json
from typing import Any

import numpy as np
from PIL import Image
from support.jupyter import JupyterServer
from support.kernel import Execution, Kernel
from websockets.asyncio.client import ClientConnection, connect

from smallrtc_lab.framing import unpack

PATIENCE_S = 90.0
SIZE = {"width": 300, "height": 150, "ratio": 1, "theme": "dark", "visible": True}
LAB = """
import threading
from smallrtc_lab import Lab
lab = Lab(video=False)
lab.simulate(video=None, audio="tone", hz=1000)
lab.wait_live()
"""
MINE = """
def mine(ax, clip):
    if broken:
        raise KeyError("nothing there")
    ax.plot(clip.mono[:50])
broken = False
own = lab.plot.custom(mine, seconds=0.1)
"""


class Page:
    """One view of a plot."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def hello(self) -> None:
        await self.socket.send(json.dumps({"type": "hello", "version": 1, "page": "p", **SIZE}))

    async def expect(self, kind: str, **fields: Any) -> dict[str, Any]:
        """The next message like this; pictures before it are acknowledged."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                raw = await self.socket.recv()
                message, picture = unpack(raw) if isinstance(raw, bytes) else (json.loads(raw), b"")
                if picture:
                    await self.socket.send(json.dumps({"type": "ack", "n": message["n"], "ms": 1}))
                if message["type"] == kind and all(message[name] == value for name, value in fields.items()):
                    return message | {"jpeg": picture}

    async def picture(self) -> Any:
        return np.asarray(Image.open(io.BytesIO((await self.expect("picture"))["jpeg"])))


async def open_page(server: JupyterServer, kernel: Kernel, name: str) -> Page:
    about = await kernel.value(f"{name}._plot")
    path = f"smallrtc/sessions/{about['session']}/plots/{about['plot']}/socket"
    url = (server.url + path).replace("http", "ws", 1)
    page = Page(await connect(url, additional_headers=server.headers, proxy=None, compression=None))
    await page.hello()
    return page


async def run_cell(kernel: Kernel, cell_id: str, code: str) -> Execution:
    """Run as JupyterLab does, which names the cell."""
    kernel.client.session.metadata = {"cellId": cell_id}
    try:
        return await kernel.execute(code)
    finally:
        kernel.client.session.metadata = {}


SEGMENTS = """
from smallrtc_lab import NotLiveError

def segments(plot):
    try:
        return len(plot.data()["times_s"])
    except NotLiveError:
        return 0
"""


async def test_plots_live_as_long_as_they_should(jupyter: JupyterServer, served_kernel: Kernel) -> None:
    """Replaced by their cell, there again after a crash of the engine, with errors seen in the plot and under the cell,
    and gone with the lab."""
    kernel = served_kernel
    await kernel.execute(LAB)
    await run_cell(kernel, "c1", "first = lab.plot.waveform(); second = lab.plot.level()")
    await run_cell(kernel, "c1", "again = lab.plot.waveform()")
    await run_cell(kernel, "c2", "other = lab.plot.spectrogram(seconds=1)")
    assert [await kernel.value(f"repr({name})") for name in ("first", "second", "again", "other")] == [
        "<WaveformPlot waveform, closed>",
        "<LevelPlot level, live>",
        "<WaveformPlot waveform, live>",
        "<SpectrogramPlot spectrogram, live>",
    ]
    closed, page = await open_page(jupyter, kernel, "first"), await open_page(jupyter, kernel, "other")
    assert "Run its cell again" in (await closed.expect("state", state="closed"))["text"]
    assert (await page.picture()).shape == (150, 300, 3)

    await run_cell(kernel, "c3", MINE)
    mine = await open_page(jupyter, kernel, "own")
    assert (await mine.picture()).mean() < 100, "the theme is dark"
    await kernel.execute("broken = True")
    assert "nothing there" in (await mine.expect("problem"))["text"]
    assert any("nothing there" in str(shown) for shown in kernel.shown.values())
    await kernel.execute("broken = False")
    await mine.expect("problem", text="")
    assert (await kernel.array("own.data()['samples']")).shape[1] == 2

    await kernel.execute("import os, signal; os.kill(lab.stats()['engine']['pid'], signal.SIGKILL)")
    await page.expect("engine", state="absent")
    await page.expect("engine", state="here")
    await page.hello()
    assert (await page.picture()).shape == (150, 300, 3)
    await kernel.execute("lab.simulate(video=None, audio='tone', hz=1000); lab.wait_live()")
    await kernel.execute(SEGMENTS)
    await kernel.wait_value("segments(other)")

    await kernel.execute("lab.close()")
    await page.expect("state", state="closed")
    await kernel.wait_value("not any('plots' in thread.name for thread in threading.enumerate())")
    assert await kernel.value("[repr(own), repr(lab.plot)[-7:]]") == [
        "<CustomPlot custom, closed>",
        "open: 0",
    ]
    for one in (closed, page, mine):
        await one.socket.close()
