"""What the page says when it may not, or cannot, open a device or reach Python, and how it goes on from there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from playwright.async_api import Browser
from support.jupyter import JupyterServer
from support.labview import LabView, device_requests, live_tracks
from support.notebookpage import NotebookPage

OpenNotebook = Callable[..., Awaitable[NotebookPage]]
LaunchChromium = Callable[..., Awaitable[Browser]]

LAB = "from smallrtc_lab import Lab\nlab = Lab()\nlab"
WAIT = "lab.wait_live(timeout_s=5)"


async def fail(notebook: NotebookPage, index: int) -> LabView:
    """Run the cell, click Start and wait until the page gave up."""
    assert (await notebook.run(index)).error is None
    view = LabView(notebook, index)
    await view.wait_link("open")
    await view.press("Start")
    await view.wait_state("failed")
    return view


IN_USE = """(() => {
  const { getUserMedia } = navigator.mediaDevices
  navigator.mediaDevices.getUserMedia = async () => {
    navigator.mediaDevices.getUserMedia = getUserMedia
    throw new DOMException('Could not start video source', 'NotReadableError')
  }
})()"""


async def test_a_refusal_is_explained_and_start_works_once_it_is_over(
    open_notebook: OpenNotebook, launch_chromium: LaunchChromium
) -> None:
    """Permission refused, then the device in use: page and Python say so with the next step; then Start works."""
    notebook = await open_notebook([LAB, WAIT], browser=await launch_chromium(accept=False))
    view = await fail(notebook, 0)
    said = await view.wait_problem("camera and microphone")
    assert "icon left of the address" in said
    assert await live_tracks(notebook) == 0
    kernel = await notebook.kernel()
    assert await kernel.wait_value("lab.error and lab.error['code']") == "permission-denied"
    error = (await notebook.run(1)).error
    assert error is not None
    assert error.name == "ConnectionFailed"
    assert "camera and microphone" in error.message
    await notebook.context.grant_permissions(["camera", "microphone"])
    await notebook.evaluate_quietly(
        IN_USE
    )  # no Chromium has a fake device that is in use: the answer is made here
    await view.press("Start")
    assert "then press Start" in await view.wait_problem("another program seems to use it")
    assert await kernel.wait_value("lab.error['code']", lambda code: code == "device-in-use")
    await view.start()
    assert await view.problems() == []
    await kernel.wait_value("lab.state == 'live' and lab.error is None")


async def test_a_machine_without_devices_is_told_so_and_may_send_a_test_signal(
    open_notebook: OpenNotebook, launch_chromium: LaunchChromium
) -> None:
    """No device: said with the next step; with fallback="test-signal" a labelled test picture goes to Python."""
    fallback = 'lab = Lab(fallback="test-signal")\nlab'
    notebook = await open_notebook([LAB, fallback], browser=await launch_chromium(media=None))
    view = await fail(notebook, 0)
    said = await view.wait_problem("No camera or microphone was found.")
    assert 'Lab(fallback="test-signal")' in said
    await notebook.run(1)
    tested = LabView(notebook, 1)
    await tested.start()
    assert "Live with a test signal" in await tested.status()
    kernel = await notebook.kernel()
    await kernel.wait_value("lab.state == 'live'")
    assert await kernel.value("lab.video.latest().image.shape") == [480, 640, 3]
    assert await live_tracks(notebook) == 0


async def test_an_insecure_page_is_explained(
    open_notebook: OpenNotebook, launch_chromium: LaunchChromium, jupyter: JupyterServer
) -> None:
    """Plain http under another name than localhost: why no camera opens, and what to do about it."""
    browser = await launch_chromium("--host-resolver-rules=MAP classroom.example 127.0.0.1")
    notebook = await open_notebook([LAB], browser=browser, host="classroom.example")
    assert await notebook.evaluate_quietly("isSecureContext") is False
    view = await fail(notebook, 0)
    said = await view.wait_problem("only on https or localhost pages")
    assert f"http://classroom.example:{jupyter.port}" in said
    assert "ssh -L" in said


RECEIVE_ONLY = """
from smallrtc_lab import Lab
lab = Lab(audio=False, video=False)
got = []

@lab.on_message
def take(message):
    got.append(message)

lab
"""
CANDIDATES = "smallrtcSeen.peers.at(-1).localDescription.sdp.match(/^a=candidate.*$/gm).join(' ')"


async def test_a_session_that_only_receives_asks_for_nothing(
    open_notebook: OpenNotebook, launch_chromium: LaunchChromium
) -> None:
    """No camera, no microphone, no permission, `.local` candidates only: it connects at once and carries messages."""
    notebook = await open_notebook([RECEIVE_ONLY], browser=await launch_chromium(accept=False))
    await notebook.run(0)
    view = LabView(notebook, 0)
    await view.wait_link("open")
    assert await view.status() == "Ready: receives only, opens no device"
    took_s = await view.start()
    print(f"receive only: connected in {took_s:.2f} s")
    assert took_s < 15, "the goal is 3 s"
    assert ".local" in await notebook.evaluate_quietly(CANDIDATES)
    assert await device_requests(notebook) == []
    kernel = await notebook.kernel()
    await kernel.wait_value("lab.state == 'live'")
    await view.collect_messages()
    await kernel.execute("lab.send_message('to the page')")
    await view.send("to Python")
    await kernel.wait_value("got == ['to Python']")
    await notebook.wait_true("document.querySelector('.smallrtc-lab').got[0] === 'to the page'")
    assert await view.camera.count() == 0 or not await view.camera.is_visible()
