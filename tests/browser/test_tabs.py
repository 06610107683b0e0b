"""Two tabs of one notebook: one has the devices, the other says so and can take over."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import expect
from support.knownmedia import picture_error
from support.labview import LabView, device_requests, live_tracks, wait_live_tracks
from support.notebookpage import NotebookPage

OpenNotebook = Callable[..., Awaitable[NotebookPage]]

LAB = "from smallrtc_lab import Lab\nlab = Lab()\nlab"
GOAL_S = 3
ELSEWHERE = "Live in another tab"


async def says(view: LabView, text: str, timeout_s: float = 60.0) -> float:
    """Wait until the status line says this; the seconds that took."""
    begun = time.monotonic()
    await expect(view.root.locator(".srl-status-text")).to_contain_text(text, timeout=timeout_s * 1000)
    return time.monotonic() - begun


async def two_tabs(open_notebook: OpenNotebook, cells: list[str]) -> tuple[NotebookPage, NotebookPage]:
    """A notebook with a live lab in its first tab, and a second tab of it."""
    first = await open_notebook(cells)
    await first.run(0)
    await LabView(first, 0).start()
    await first.save()
    return first, await open_notebook(first.path)


async def test_a_second_tab_takes_over_and_gives_back(open_notebook: OpenNotebook) -> None:
    """The second tab opens nothing until *Take over*; then the other's devices are off and it may do so in turn."""
    first, second = await two_tabs(open_notebook, [LAB])
    one, two = LabView(first, 0), LabView(second, 0)
    await says(two, ELSEWHERE)
    kernel = await first.kernel()
    assert await kernel.value("lab.state") == "live"
    assert (await device_requests(second), await two.state()) == ([], "idle")
    assert await two.problems() == []
    await second.screenshot("tabs-another")
    tabs = ((first, one, second, two), (second, two, first, one), (first, one, second, two))
    for had, loser, takes, winner in tabs:
        begun = time.monotonic()
        await winner.press("Take over")
        await says(loser, ELSEWHERE)
        await wait_live_tracks(had, 0)
        off_s = time.monotonic() - begun
        await winner.wait_state("live")
        took_s = time.monotonic() - begun
        await kernel.wait_value("lab.state == 'live' and lab.stats()['time_s'] > 0")
        assert await live_tracks(takes) == 2
        assert await loser.problems() == []
        print(f"take over: the other's devices off after {off_s:.2f} s, live here after {took_s:.2f} s")
        assert took_s < 5 * GOAL_S
        picture = await kernel.array("lab.video.grab(3).images[-1]")
        assert picture_error(picture) < 12  # the right picture, at whatever bitrate it has reached
    assert await device_requests(second) == ["getUserMedia"] * 2
    await first.screenshot("tabs-first-again")


@pytest.mark.soak
async def test_the_other_tab_is_free_again_when_the_owner_leaves(open_notebook: OpenNotebook) -> None:
    """Once the owner stopped or closed, the other tab may start; Python's start goes to the last owner alone.

    A simulated browser is said, and makes way for a page.
    """
    first, second = await two_tabs(open_notebook, [LAB])
    one, two = LabView(first, 0), LabView(second, 0)
    await says(two, ELSEWHERE)
    await one.press("Stop")
    await says(two, "Ready: Start opens")
    await two.press("Start")
    await two.wait_state("live")
    await says(one, ELSEWHERE)
    kernel = await first.kernel()
    await kernel.wait_value("lab.state == 'live'")
    asked = len(await device_requests(first))
    await kernel.execute("lab.stop()")
    await says(one, "Ready: Start opens")
    await kernel.execute("lab.start()")
    await two.wait_state("live")
    await says(one, ELSEWHERE)
    assert len(await device_requests(first)) == asked
    begun = time.monotonic()
    await second.page.close()
    took_s = await says(one, "Ready: Start opens")
    await kernel.wait_value("lab.state == 'idle'")
    print(
        f"closed tab: free for the other after {took_s:.2f} s, idle in Python after {time.monotonic() - begun:.2f} s"
    )
    await kernel.execute("lab.simulate()")
    await says(one, "A simulated browser is live: lab.simulate(). Start takes over")
    await one.start()
    await kernel.wait_value("lab.state == 'live' and lab.stats()['simulated'] is None")
