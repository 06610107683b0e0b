"""Everything said has an end: a cell that runs again, a cleared output, a closed panel, a closed tab."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from support.kernel import Kernel
from support.labview import LabView, live_tracks
from support.notebookpage import NotebookPage

OpenNotebook = Callable[..., Awaitable[NotebookPage]]

LAB = "import smallrtc_lab\nlab = smallrtc_lab.Lab()\nlab"
CLOSED = "smallrtcSeen.tracks.every(track => track.readyState === 'ended')"
GOAL_S = 4


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


async def test_a_closed_tab_ends_the_connection(open_notebook: OpenNotebook) -> None:
    """The browser's tab closed: the engine's connection has ended within four seconds; the lab itself stays."""
    notebook = await open_notebook([LAB])
    kernel = await notebook.kernel()
    await live(notebook, kernel)
    await kernel.execute("old = lab")
    begun = time.monotonic()
    await notebook.page.close()
    took_s = await ended(kernel, begun)
    print(f"tab closed → connection ended {took_s:.2f} s")
    assert took_s < 10 * GOAL_S
    assert await kernel.value("len(smallrtc_lab.labs())") == 1


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
