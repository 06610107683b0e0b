"""The figures behind the status line, and the test signal with its time code, in one session of a real browser."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from playwright.async_api import expect
from support.labview import LabView, device_requests
from support.notebookpage import NotebookPage

OpenNotebook = Callable[..., Awaitable[NotebookPage]]

LAB = """from smallrtc_lab import Lab, signals
lab = Lab(name="figures", max_delay_s=0.3)
@lab.on_video
def same(frame):
    return frame.image
lab"""


async def test_a_picked_test_signal_is_timed_all_the_way_and_told(open_notebook: OpenNotebook) -> None:
    """Before Start the test signal is picked: no device opens, Python reads its time code, the page times its echo.

    The status line opens the figures in plain words; with the camera in its place again there is no echo.
    """
    notebook = await open_notebook([LAB])
    kernel = await notebook.kernel()
    await notebook.run(0)
    view = LabView(notebook, 0)
    await view.wait_link("open")
    await view.press("Devices")
    for kind in ("Camera", "Microphone"):
        await view.root.get_by_role("combobox", name=kind).select_option("Test signal")
    await view.start()
    assert "Live with a test signal" in await view.status()
    assert await device_requests(notebook) == []
    await kernel.wait_value("lab.state == 'live' and signals.read_timecode(lab.video.latest()) is not None")
    await kernel.wait_value("lab.stats()['page'].get('echo_ms')", lambda echo_ms: (echo_ms or 0) > 0)
    await kernel.execute("delay = lab.measure_delay(1)")
    assert await kernel.value("delay.total.median_ms > 0 and delay.note == ''")
    print(await kernel.value("repr(delay)"))

    details = view.root.locator(".srl-details")
    await expect(details).to_be_hidden()
    badge = view.root.locator(".srl-badge")
    await badge.click()
    await expect(badge).to_have_attribute("aria-expanded", "true")
    for words in ("Way", "direct", "Round trip", "Camera to Python", "Left out"):
        await expect(details).to_contain_text(words)
    print((await details.inner_text()).replace("\n", " | "))
    await badge.click()
    await expect(details).to_be_hidden()

    await view.press("Use camera")
    await kernel.wait_value("'echo_ms' in lab.stats()['page']", lambda timed: timed is False)
    assert await kernel.value("signals.read_timecode(lab.video.latest())") is None
