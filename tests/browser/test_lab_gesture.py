"""A click opens devices, nothing else does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from playwright.async_api import expect
from support.labview import LabView, device_requests, live_tracks, wait_live_tracks
from support.notebookpage import NotebookPage

OpenNotebook = Callable[..., Awaitable[NotebookPage]]

LAB = "from smallrtc_lab import Lab\nlab = Lab()\nlab"


async def test_python_opens_no_device_before_a_click(open_notebook: OpenNotebook) -> None:
    """`lab.start()` asks for the click; after one, Python may start again; a reloaded page begins without one."""
    notebook = await open_notebook([LAB, "lab.start()", "lab.stop()"])
    await notebook.run(0)
    view = LabView(notebook, 0)
    await view.wait_link("open")
    kernel = await notebook.kernel()

    await notebook.run(1)
    await asks_for_a_click(notebook, view)
    await view.start()
    await notebook.run(2)
    await view.wait_state("idle")
    await wait_live_tracks(notebook, 0)

    await notebook.run(1)
    await view.wait_state("live")
    await kernel.wait_value("lab.state == 'live'")
    assert await live_tracks(notebook) == 2

    await notebook.save()
    await notebook.reload()
    view = LabView(notebook, 0)
    await view.wait_link("open")
    await asks_for_a_click(notebook, view)
    await kernel.wait_value("lab.state == 'idle'")
    await notebook.run(2)
    await notebook.run(1)
    await asks_for_a_click(notebook, view)
    await view.start()
    await kernel.wait_value("lab.state == 'live'")


async def asks_for_a_click(notebook: NotebookPage, view: LabView) -> None:
    """The button asks, and nothing was opened."""
    status = view.root.locator(".srl-status-text")
    await expect(status).to_have_text("Python asks for your camera and microphone: click Start")
    await notebook.page.wait_for_timeout(300)  # nothing more happens
    assert await view.button("Start").get_attribute("data-wanted") is not None
    assert await device_requests(notebook) == []
    assert await view.state() == "idle"
