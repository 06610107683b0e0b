"""Behind a real JupyterHub: its proxy, its login, its single-user server, and what ends idle kernels there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser, expect
from support.hub import JupyterHub, install_proxy
from support.labview import LabView
from support.matrixrows import SAYS, Row
from support.notebookpage import NotebookPage

OpenNotebook = Callable[..., Awaitable[NotebookPage]]
CELLS = ["from smallrtc_lab import Lab\nlab = Lab()\nlab"]
CULLED_S = 90


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command of the real configurable-http-proxy."""
    return install_proxy(tmp_path_factory.mktemp("npm") / "proxy")


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory, proxy: list[str]) -> Iterator[JupyterHub]:
    """A hub under an address of its own; nothing that it started may outlive it."""
    running = JupyterHub(tmp_path_factory.mktemp("hub"), proxy, base_url="/classes/")
    running.start()
    yield running
    left = running.stop()
    assert not left, f"processes outlived the hub: {left}"


async def live(hub: JupyterHub, chromium: Browser, open_notebook: OpenNotebook) -> tuple[NotebookPage, float]:
    """A notebook of somebody who has logged in, with a live lab, and the seconds from the click on."""
    entrance = await chromium.new_context()
    await hub.log_in(entrance)
    notebook = await open_notebook(CELLS, server=hub, storage_state=await entrance.storage_state())
    await entrance.close()
    await notebook.run(0)
    first_s = await LabView(notebook, 0).start()
    return notebook, first_s


async def test_a_lab_is_live_behind_a_hub(
    hub: JupyterHub, chromium: Browser, open_notebook: OpenNotebook
) -> None:
    """Offer, candidates and socket pass the hub's proxy with the person's own login; the picture goes past it."""
    notebook, first_s = await live(hub, chromium, open_notebook)
    kernel = await notebook.kernel()
    await kernel.wait_value("lab.state == 'live' and lab.route == 'direct'")
    assert await kernel.value("list(lab.video.latest().image.shape)") == [480, 640, 3]
    await keep(notebook, "JupyterHub and its proxy", first_s)
    await a_stranger_gets_nothing(hub, await kernel.value("lab._session"))


async def keep(notebook: NotebookPage, network: str, first_s: float) -> None:
    """What the person reads, and a row for the table of networks."""
    status = LabView(notebook, 0).root.locator(".srl-status-text")
    await expect(status).to_contain_text(SAYS["direct"])
    sentence = (await status.text_content() or "").replace("\u00a0", " ")
    row = Row(network, "Chromium", "direct", ["host", "host", "udp"], round(first_s, 2), 1, None, sentence)
    print(row)
    row.keep()


async def a_stranger_gets_nothing(hub: JupyterHub, session: str) -> None:
    """Whoever has not logged in is told so, in JSON."""
    async with httpx.AsyncClient(base_url=hub.url, trust_env=False, timeout=30) as client:
        answer = await client.post(
            f"smallrtc/sessions/{session}/api/offer", json={"sdp": "", "type": "offer"}
        )
    assert answer.status_code == 403
    assert set(answer.json()) >= {"message", "reason"}


@pytest.fixture
def strict_hub(tmp_path: Path, proxy: list[str]) -> Iterator[JupyterHub]:
    """A hub that ends kernels soon when they are idle, whether a page is connected to them or not."""
    settings = (
        f"--MappingKernelManager.cull_idle_timeout={CULLED_S}",
        "--MappingKernelManager.cull_interval=5",
        "--MappingKernelManager.cull_connected=True",
    )
    running = JupyterHub(tmp_path / "hub", proxy, arguments=settings)
    running.start()
    yield running
    running.stop()


@pytest.mark.soak
@pytest.mark.timeout(600)
async def test_a_live_lab_keeps_its_kernel_from_being_culled(
    strict_hub: JupyterHub, chromium: Browser, open_notebook: OpenNotebook
) -> None:
    """A kernel whose picture is seen is never idle; nobody looks any more, and it is ended as every other."""
    notebook, first_s = await live(strict_hub, chromium, open_notebook)
    kernel = await notebook.kernel()
    await kernel.wait_value("lab.state == 'live'")
    pid = kernel.pid
    await asyncio.sleep(2 * CULLED_S)
    assert await kernel.value("lab.state") == "live"
    await keep(notebook, "JupyterHub that ends idle kernels", first_s)
    await notebook.page.goto("about:blank")
    end_s = time.monotonic() + 4 * CULLED_S
    while any(process.pid == pid for process in strict_hub.family.members()):
        assert time.monotonic() < end_s, "the kernel was kept although nobody looks"
        await asyncio.sleep(2)
