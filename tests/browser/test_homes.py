"""Homes where no server extension leads to Python: what still works there, and what the person reads.

A Jupyter that was not restarted is a real one. VS Code and Colab are emulated, in a JupyterLab without our extension:
by the variables that they set for a kernel, by refused requests and sockets, and by a page that may open no camera.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Route, expect
from support.coturn import Coturn, run_coturn
from support.jupyter import JupyterServer
from support.labview import LabView, device_requests, live_tracks, wait_live_tracks
from support.notebookpage import NotebookPage, wait_video_frames

OpenNotebook = Callable[..., Awaitable[NotebookPage]]
LaunchChromium = Callable[..., Awaitable[Browser]]

LAB = "from smallrtc_lab import Lab\nlab = Lab()\nlab"
# How many came, and their colours; a machine that is busy makes them smaller.
PICTURES = "lab.video.grab(1, timeout_s=30).images.shape[::3]"
PLOT = "lab.plot.waveform(seconds=0.5)"


@pytest.fixture(scope="module")
def bare_jupyter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterServer]:
    """JupyterLab without our server extension."""
    disabled = "--ServerApp.jpserver_extensions=smallrtc_lab.server=False"
    server = JupyterServer(tmp_path_factory.mktemp("bare"), arguments=(disabled,)).start()
    yield server
    assert server.stop() == []


async def pictures_of_a_plot(notebook: NotebookPage, index: int, count: int = 3) -> None:
    """Wait until the plot in that cell has shown so many pictures; what nobody sees is not drawn."""
    kernel, plot = notebook.kernels[-1], notebook.cell(index).locator(".smallrtc-plot")
    await plot.scroll_into_view_if_needed()
    shown = "sum(view['shown'] for plot in lab.plot._plots.values() for view in plot.stats['views'])"
    await kernel.wait_value(f"{shown} >= {count}")
    await expect(plot).to_have_attribute("data-shown", "")


async def test_without_the_server_extension_the_notebook_itself_leads_to_python(
    bare_jupyter: JupyterServer, open_notebook: OpenNotebook, results_dir: Path
) -> None:
    """A Jupyter that was not restarted: live by the widget's comm, plots, too; the page says why, and sees its end."""
    notebook = await open_notebook([LAB, PLOT, "lab.stop()"], server=bare_jupyter)
    assert (await notebook.run(0)).error is None
    view = LabView(notebook, 0)
    await view.wait_link("open")
    assert await device_requests(notebook) == []
    (said,) = await view.problems()
    assert "runs without smallrtc-lab's server extension" in said
    assert "restart Jupyter (the server, not only the kernel)" in said
    assert "while a cell runs, Start may wait for it" in said
    await notebook.screenshot("home-not-restarted")
    await view.start()
    kernel = await notebook.kernel()
    await kernel.wait_value("lab.state == 'live' and lab.route == 'direct'")
    assert await kernel.value(PICTURES) == [1, 3]
    await notebook.run(1)
    await pictures_of_a_plot(notebook, 1)
    await expect(notebook.cell(1).locator(".srl-plot-pace")).to_have_text("5/s: through the notebook")
    await notebook.screenshot("home-plot-by-comm")
    await notebook.run(2)
    await view.wait_state("idle")
    await view.root.scroll_into_view_if_needed()
    await view.start()
    await notebook.restart_kernel()
    await view.wait_link("absent")
    assert await view.status() == "The kernel was restarted or stopped. Run the cell again."
    plot = notebook.cell(1).locator(".srl-plot-sentence")
    await expect(plot).to_have_text("The kernel was restarted or stopped. Run the cell again.")
    await wait_live_tracks(notebook, 0)


async def test_a_kernel_that_does_not_answer_either_leaves_the_reason(
    bare_jupyter: JupyterServer, open_notebook: OpenNotebook
) -> None:
    """No server extension, and no word from the kernel: the page says how they speak, and what to try."""
    notebook = await open_notebook([LAB], server=bare_jupyter)
    kernel = await notebook.kernel()
    await kernel.execute("import smallrtc_lab.lab.comm as c; c.PageComm.received = lambda *args: None")
    assert (await notebook.run(0)).error is None
    said = await LabView(notebook, 0).wait_problem(
        "Python has not answered yet: it speaks through the notebook"
    )
    assert "If no cell runs, run this one again." in said
    assert await device_requests(notebook) == []


async def refused(route: Route) -> None:
    await route.abort("blockedbyclient")


async def forbid_devices(notebook: NotebookPage) -> None:
    """From the next load on its page may open no camera and no microphone, as an iframe without `allow` may not."""
    session = await notebook.context.new_cdp_session(notebook.page)
    policy = {"name": "Permissions-Policy", "value": "camera=(), microphone=()"}

    async def paused(event: dict[str, Any]) -> None:
        answer = {"requestId": event["requestId"], "responseCode": event["responseStatusCode"]}
        await session.send(
            "Fetch.continueResponse", answer | {"responseHeaders": [*event["responseHeaders"], policy]}
        )

    session.on("Fetch.requestPaused", lambda event: asyncio.ensure_future(paused(event)))
    pattern = {"resourceType": "Document", "requestStage": "Response"}
    await session.send("Fetch.enable", {"patterns": [pattern]})


VSCODE = """
import os
os.environ["VSCODE_PID"] = "4711"
__vsc_ipynb_file__ = {path!r}
from smallrtc_lab import Lab
lab = Lab()
lab
"""
TEST_SIGNAL = 'lab = Lab(fallback="test-signal")\nlab'
SHOWN = "import numpy as np\nlab.show(np.full((240, 320, 3), (0, 128, 255), np.uint8))"


async def test_vs_code_says_to_open_a_browser_and_a_test_signal_goes_on(
    bare_jupyter: JupyterServer, open_notebook: OpenNotebook, results_dir: Path
) -> None:
    """No camera by policy, no request of ours: a sentence with the link; test signal, pictures and plots work."""
    path = bare_jupyter.root / "vscode.ipynb"
    cells = [VSCODE.format(path=str(path)), TEST_SIGNAL, SHOWN, PLOT]
    notebook = await open_notebook(cells, name=path.name, server=bare_jupyter)
    await notebook.page.route("**/smallrtc/**", refused)
    await forbid_devices(notebook)
    await notebook.reload()
    assert (await notebook.run(0)).error is None
    view = LabView(notebook, 0)
    await view.wait_link("open")
    assert "VS Code runs no Jupyter server extension." in (await view.problems())[0]
    await view.press("Start")
    said = await view.wait_problem("VS Code blocks the camera and microphone.")
    assert "Open this page in a browser:" in said
    link = view.panels.get_by_role("link")
    await expect(link).to_have_attribute("href", f"{bare_jupyter.url}lab/tree/vscode.ipynb")
    assert bare_jupyter.token not in said
    await notebook.screenshot("home-vscode")
    await notebook.run(1)
    tested = LabView(notebook, 1)
    await tested.start()
    assert "Live with a test signal" in await tested.status()
    kernel = await notebook.kernel()
    await kernel.wait_value("lab.state == 'live'")
    assert await kernel.value(PICTURES) == [1, 3]
    await notebook.run(2)
    await wait_video_frames(tested.returned)
    await notebook.run(3)
    await pictures_of_a_plot(notebook, 3)
    assert await live_tracks(notebook) == 0
    await notebook.screenshot("home-vscode-test-signal")


@pytest_asyncio.fixture(loop_scope="session")
async def coturn(tmp_path: Path) -> AsyncIterator[Coturn]:
    """A TURN server that both reach."""
    async with run_coturn(tmp_path) as running:
        yield running


COLAB = """
import os
os.environ["COLAB_RELEASE_TAG"] = "release-colab"
from smallrtc_lab import Lab
lab = Lab({arguments})
lab
"""
NO_UDP = "--webrtc-ip-handling-policy=disable_non_proxied_udp"


async def in_colab(
    open_notebook: OpenNotebook, launch_chromium: LaunchChromium, server: JupyterServer, arguments: str
) -> LabView:
    """A page that reaches nothing of ours, and no kernel by UDP."""
    cells = [COLAB.format(arguments=arguments)]
    notebook = await open_notebook(cells, server=server, browser=await launch_chromium(NO_UDP))
    await notebook.page.route("**/smallrtc/**", refused)
    assert (await notebook.run(0)).error is None
    view = LabView(notebook, 0)
    await view.wait_link("open")
    assert "Colab runs no Jupyter server extension." in (await view.problems())[0]
    return view


async def test_colab_goes_live_through_turn(
    bare_jupyter: JupyterServer,
    open_notebook: OpenNotebook,
    launch_chromium: LaunchChromium,
    coturn: Coturn,
) -> None:
    """No socket and no UDP to the kernel: signaling by the comm, media through TURN over TCP."""
    view = await in_colab(
        open_notebook, launch_chromium, bare_jupyter, f"ice_servers=[{coturn.turn('tcp')!r}]"
    )
    print(f"Colab, emulated: live in {await view.start():.2f} s")
    kernel = await view.notebook.kernel()
    await kernel.wait_value("lab.state == 'live' and lab.route == 'turn'")
    assert await kernel.value(PICTURES) == [1, 3]


@pytest.mark.soak
async def test_colab_without_turn_says_what_it_needs(
    bare_jupyter: JupyterServer, open_notebook: OpenNotebook, launch_chromium: LaunchChromium
) -> None:
    """Nothing leads to the kernel: the sentence names the TURN server that Colab needs, and how to give it."""
    view = await in_colab(open_notebook, launch_chromium, bare_jupyter, "")
    await view.press("Start")
    said = await view.wait_problem("Could not connect to Python")
    assert "A TURN server is needed for live video. Name one: Lab(ice_servers=…)." in said
    await view.notebook.screenshot("home-colab")
