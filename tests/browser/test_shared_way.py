"""A place like Binder, where everybody shares a small proxy: what a lab sends, counted in a proxy of the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from support.jupyter import JupyterServer
from support.kernel import Kernel
from support.labview import LabView
from support.notebookpage import NotebookPage
from support.slowproxy import THROUGH_PROXY, SlowProxy

OpenNotebook = Callable[..., Awaitable[NotebookPage]]

LAB = """
from smallrtc_lab import Lab
lab = Lab(quality="high", webrtc=False)
@lab.on_video
def same(frame):
    return frame.image
lab"""
PLOTS = "import ipywidgets\nipywidgets.HBox([lab.plot.waveform(), lab.plot.spectrogram()])"
ASKED = "lab.close()\nlab = Lab(audio=False, webrtc=False, max_delay_s=0.02)\nlab"
HIDE = """hidden => {
  Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => hidden ? 'hidden' : 'visible' })
  Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden })
  document.dispatchEvent(new Event('visibilitychange'))
}"""


@pytest.fixture
def binder(tmp_path: Path) -> Iterator[JupyterServer]:
    """A JupyterLab that believes it is on Binder."""
    server = JupyterServer(tmp_path, extra={"BINDER_LAUNCH_HOST": "https://mybinder.org/"}).start()
    yield server
    left = server.stop()
    assert not left, f"processes outlived JupyterLab: {left}"


@pytest.mark.soak
async def test_a_lab_keeps_within_the_cap_and_is_silent_when_hidden(
    binder: JupyterServer, open_notebook: OpenNotebook
) -> None:
    """Camera, returned picture, sound and two plots together stay below 1 Mbit/s each way; smaller when asked."""
    port = urlsplit(binder.url).port
    assert port is not None
    async with SlowProxy(port, rate_bps=100e6, way_s=0.002) as proxy:
        notebook = await open_notebook([LAB, PLOTS, ASKED], server=binder)
        await notebook.page.evaluate(THROUGH_PROXY, proxy.port)
        for index in range(2):
            assert (await notebook.run(index)).error is None
        await LabView(notebook, 0).start()
        kernel = await notebook.kernel()
        await kernel.wait_value("lab.route == 'relay' and lab.stats()['video']['camera']['received'] > 30")
        await asyncio.sleep(8)
        up_bps, down_bps = await carried_bps(proxy, 15)
        print(f"up {up_bps:,.0f}, down {down_bps:,.0f} bits a second")
        print(await kernel.value("repr(lab.stats())"))
        assert 0 < up_bps < 1_050_000
        assert 0 < down_bps < 1_050_000
        await notebook.page.evaluate(HIDE, True)
        await kernel.wait_value("lab.stats()['bitrates']['seen']", lambda seen: not seen)
        await asyncio.sleep(2)
        _, hidden_bps = await carried_bps(proxy, 5)
        print(f"hidden: down {hidden_bps:,.0f} bits a second")
        assert hidden_bps < 300_000
        await notebook.page.evaluate(HIDE, False)
        await wait_returned(kernel)
        assert (await notebook.run(2)).error is None
        await LabView(notebook, 2).start()
        await kernel.wait_value("lab.route == 'relay' and lab.stats()['page'].get('width') == 320")
        print(await kernel.value("lab.stats()['budget']"))
    assert notebook.page_errors == []


async def carried_bps(proxy: SlowProxy, seconds: float) -> tuple[float, float]:
    """What passed the proxy up and down."""
    before = list(proxy.carried)
    await asyncio.sleep(seconds)
    up, down = (8 * (now - then) / seconds for now, then in zip(proxy.carried, before, strict=True))
    return up, down


async def wait_returned(kernel: Kernel) -> None:
    """Pictures go to the page again."""
    sent = "lab.stats()['connection']['video']['frames_sent']"
    count = await kernel.value(sent)
    await kernel.wait_value(f"{sent} > {count} + 5")
