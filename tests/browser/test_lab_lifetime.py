"""Everything said has an end: a cell that runs again, a cleared output, a closed panel, a closed tab."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import Browser, Error
from support.kernel import Kernel
from support.labview import LabView, live_tracks
from support.notebookpage import NotebookPage
from support.traces import Footprint, engine_of, udp_sockets, wait_for

OpenNotebook = Callable[..., Awaitable[NotebookPage]]
LaunchChromium = Callable[..., Awaitable[Browser]]

LAB = "import smallrtc_lab\nlab = smallrtc_lab.Lab()\nlab"
CLOSED = "smallrtcSeen.tracks.every(track => track.readyState === 'ended')"
GOAL_S = 4
POOL_THREADS = 4  # asyncio's own pool in the engine grows when encoders first coincide
CLIENT_FILES = 3  # sockets of the kernel's own clients come and go
GROWTH_BYTES = 40_000_000


async def live(notebook: NotebookPage, kernel: Kernel) -> LabView:
    """Run the cell and click Start until Python is live."""
    assert (await notebook.run(0)).error is None
    view = LabView(notebook, 0)
    await view.start()
    await kernel.wait_value("lab.state == 'live'")
    return view


async def ended(kernel: Kernel, begun: float) -> float:
    """Wait until the engine's connection has ended; the seconds since `begun`."""
    await kernel.wait_value(
        "old.state in ('idle', 'closed') and (old.state == 'closed' or not old.stats()['connection'])"
    )
    return time.monotonic() - begun


async def test_whatever_takes_the_widget_away_ends_the_capture(open_notebook: OpenNotebook) -> None:
    """Cell run again, output cleared, panel closed, `close_all`: within four seconds no live track, no connection."""
    notebook = await open_notebook([LAB])
    kernel = await notebook.kernel()
    ways = {
        "cell run again": "jupyterapp.commands.execute('notebook:run-cell').then(() => null)",
        "output cleared": "jupyterapp.commands.execute('notebook:clear-cell-output').then(() => null)",
        "close_all": None,
        "panel closed": "jupyterapp.shell.currentWidget.dispose()",
    }
    for way, script in ways.items():
        await live(notebook, kernel)
        await kernel.execute("old = lab")
        begun = time.monotonic()
        if script is None:
            await kernel.execute("smallrtc_lab.close_all()")
        else:
            await notebook.evaluate_quietly(f"void ({script})")
        await notebook.wait_true(CLOSED, 10 * GOAL_S)
        closed_s = time.monotonic() - begun
        print(f"{way}: devices closed {closed_s:.2f} s, connection ended {await ended(kernel, begun):.2f} s")
        assert time.monotonic() - begun < 10 * GOAL_S
    assert notebook.page_errors == []


async def leave(notebook: NotebookPage) -> None:
    """Another address in the same tab."""
    await notebook.page.goto("about:blank")


async def close(notebook: NotebookPage) -> None:
    """The tab's cross."""
    await notebook.page.close()


async def crash(notebook: NotebookPage) -> None:
    """As by the browser's killer of hungry tabs; the call itself is never answered."""
    session = await notebook.context.new_cdp_session(notebook.page)
    with contextlib.suppress(Error, TimeoutError):
        await asyncio.wait_for(session.send("Page.crash"), 0.2)


async def kill(notebook: NotebookPage) -> None:
    """SIGKILL to the browser, as by the out-of-memory killer."""
    browser = notebook.context.browser
    assert browser is not None
    session = await browser.new_browser_cdp_session()
    for process in (await session.send("SystemInfo.getProcessInfo"))["processInfo"]:
        if process["type"] == "browser":
            os.kill(process["id"], signal.SIGKILL)


@pytest.mark.soak
async def test_a_page_that_is_no_more_has_no_connection(
    open_notebook: OpenNotebook, launch_chromium: LaunchChromium
) -> None:
    """Page left, tab closed or crashed, browser killed: seconds later no socket of the peer is open; the lab stays."""
    notebook = await open_notebook([LAB], browser=await launch_chromium())
    kernel = await notebook.kernel()
    await live(notebook, kernel)
    engine = engine_of(kernel.pid)
    for way in (leave, close, crash, kill):
        if way is not leave:
            notebook.page = await notebook.context.new_page()
            await notebook.open()
            await live(notebook, kernel)
        assert udp_sockets(engine) > 0
        begun = time.monotonic()
        await way(notebook)
        await wait_for(
            lambda: udp_sockets(engine) == 0, 10 * GOAL_S, f"{way.__name__}: no socket of the peer"
        )
        await kernel.wait_value("lab.state == 'idle'", timeout_s=10 * GOAL_S)
        print(f"{way.__name__}: the connection has ended {time.monotonic() - begun:.2f} s after")
    assert await kernel.value("len(smallrtc_lab.labs())") == 1


@pytest.mark.soak
@pytest.mark.timeout(600)
async def test_twenty_times_start_and_stop_keep_nothing(open_notebook: OpenNotebook) -> None:
    """After twenty clicks on Start and Stop the page has no live track, kernel and engine what they had after three."""
    notebook = await open_notebook([LAB])
    kernel = await notebook.kernel()
    await notebook.run(0)
    view = LabView(notebook, 0)
    seen = []
    for number in range(20):
        await view.start()
        await kernel.wait_value("lab.state == 'live'", timeout_s=60)
        await view.press("Stop")
        await kernel.wait_value("lab.state == 'idle'", timeout_s=60)
        assert await live_tracks(notebook) == 0
        if number in (2, 19):
            await asyncio.sleep(2)
            seen.append((Footprint.of(kernel.pid), Footprint.of(engine_of(kernel.pid))))
    for name, then, now in zip(("kernel", "engine"), *seen, strict=True):
        print(f"{name} after 3: {then}\n{name} after 20: {now}")
        assert now.threads <= then.threads + POOL_THREADS
        assert now.files <= then.files + CLIENT_FILES
        assert now.mapped <= then.mapped
        assert now.uss_bytes - then.uss_bytes < GROWTH_BYTES
    open_peers = "smallrtcSeen.peers.filter(peer => peer.connectionState !== 'closed').length"
    assert await notebook.evaluate_quietly(open_peers) == 0
    assert notebook.page_errors == []


async def test_two_labs_live_side_by_side(open_notebook: OpenNotebook) -> None:
    """Labs of two cells are live at the same time; closing one leaves the other; two views show one lab."""
    notebook = await open_notebook(
        [LAB, LAB.replace("lab =", "second =").replace("\nlab", "\nsecond"), "second"]
    )
    kernel = await notebook.kernel()
    await live(notebook, kernel)
    await notebook.run(1)
    await LabView(notebook, 1).start()
    await notebook.run(2)
    await LabView(notebook, 2).wait_state("live")
    await kernel.wait_value("second.state == 'live' and lab.state == 'live'")
    assert await live_tracks(notebook) == 4
    await kernel.execute("lab.close()")
    await notebook.wait_true("smallrtcSeen.tracks.filter(track => track.readyState === 'live').length === 2")
    assert await kernel.value("second.video.latest().image.shape") == [480, 640, 3]
    assert await LabView(notebook, 2).state() == "live"
