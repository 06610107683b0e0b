"""Time to silence for every way of leaving a live Lab, counted from outside.

    python tests/benchmarks/leaving.py [way …]

*devices off*: every track of the page has ended, or its page is no more. *peer gone*: the engine has no UDP socket.
*all gone*: the engine's process, and the kernel's where it ends too, their files of shared memory; a way after which
the lab stays open keeps them, and says so.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent.parent)]

import psutil  # noqa: E402
from playwright.async_api import Error  # noqa: E402
from stage import Scene, theatre  # noqa: E402
from support.traces import is_running, shared_files, udp_sockets  # noqa: E402

__all__ = ["leaving"]

DEADLINE_S = 12.0
OFF = "smallrtcSeen.tracks.every(track => track.readyState === 'ended')"
Act = Callable[[Scene], Awaitable[object]]


async def cell(scene: Scene, code: str) -> None:
    await scene.kernel.submit(code)


async def command(scene: Scene, name: str) -> None:
    await scene.notebook.evaluate_quietly(f"void jupyterapp.commands.execute('{name}')")


async def crash_tab(scene: Scene) -> None:
    """As when the browser's own killer of hungry tabs comes; the call itself is never answered."""
    session = await scene.notebook.context.new_cdp_session(scene.notebook.page)
    with contextlib.suppress(Error, TimeoutError):
        await asyncio.wait_for(session.send("Page.crash"), 0.2)


async def kill_browser(scene: Scene) -> None:
    for process in psutil.Process().children(recursive=True):
        if "chrom" in process.name() and "--type=" not in " ".join(process.cmdline()):
            process.kill()


async def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


async def kill_server(scene: Scene) -> None:
    assert scene.server.process is not None
    scene.server.process.kill()
    scene.server.process.wait(5)


@dataclass(frozen=True)
class Way:
    """How somebody leaves; what stays on purpose afterwards; the goal for the devices and the peer."""

    act: Act
    stays: str = ""
    goal_s: float = 2.0


KERNEL = "the lab is open"
WAYS = {
    "lab.close()": Way(lambda s: cell(s, "lab.close()")),
    "close_all()": Way(lambda s: cell(s, "smallrtc_lab.close_all()")),
    "cell run again": Way(lambda s: s.notebook.submit(0), "the new lab has the engine"),
    "output cleared": Way(lambda s: command(s, "notebook:clear-cell-output"), KERNEL),
    "panel closed": Way(
        lambda s: s.notebook.evaluate_quietly("void jupyterapp.shell.currentWidget.dispose()"), KERNEL
    ),
    "tab closed": Way(lambda s: s.notebook.page.close(), KERNEL),
    "page left": Way(lambda s: s.notebook.page.goto("about:blank"), KERNEL),
    "tab crashed": Way(crash_tab, KERNEL, 4.0),
    "browser killed": Way(kill_browser, KERNEL, 4.0),
    "interrupt": Way(lambda s: s.kernel.interrupt(), "everything, and it must"),
    "kernel restarted": Way(lambda s: s.notebook.submit_restart()),
    "kernel shut down": Way(lambda s: s.kernel.shutdown()),
    "kernel killed": Way(lambda s: kill(s.kernel_pid)),
    "engine killed": Way(lambda s: kill(s.engine_pid), "the next engine, live again by itself"),
    "server killed": Way(kill_server),
}


async def devices_off(scene: Scene) -> bool:
    """Whether no track of the page is live; a page that is no more has none."""
    if scene.notebook.page.is_closed() or not scene.browser.is_connected():
        return True
    try:
        return await scene.notebook.evaluate_quietly(OFF) is True
    except (Error, AssertionError):  # crashed, or another document
        return True


async def peer_gone(scene: Scene) -> bool:
    """Whether the engine has no socket of a peer."""
    return not udp_sockets(scene.engine_pid)


async def all_gone(scene: Scene) -> bool:
    """Whether neither the engine's process nor a file of shared memory is left."""
    return not is_running(scene.engine_pid) and not shared_files(scene.engine_pid, scene.kernel_pid)


async def seconds(gone: Callable[[Scene], Awaitable[bool]], scene: Scene, limit_s: float) -> float | None:
    """How long it takes until that is so; None for longer than the limit."""
    begun_s = time.monotonic()
    while (now_s := time.monotonic() - begun_s) < limit_s:
        if await gone(scene):
            return now_s
        await asyncio.sleep(0.02)
    return None


async def times(scene: Scene, way: Way) -> list[float | None]:
    """Seconds from the act on until devices, peer and all the rest are gone."""
    crashed = asyncio.Event()  # a page that crashed answers no question any more
    scene.notebook.page.on("crash", lambda _: crashed.set())
    begun_s = time.monotonic()
    limit_s = 5.0 if way.stays else DEADLINE_S
    watching = [asyncio.create_task(seconds(g, scene, limit_s)) for g in (devices_off, peer_gone, all_gone)]
    ending = asyncio.create_task(crashed.wait())
    acting = asyncio.ensure_future(way.act(scene))
    await asyncio.wait([watching[0], ending], return_when=asyncio.FIRST_COMPLETED)
    crashed_s = time.monotonic() - begun_s if crashed.is_set() else None
    if crashed_s is not None:
        watching[0].cancel()
    results = await asyncio.gather(*watching, return_exceptions=True)
    ending.cancel()
    with contextlib.suppress(Exception):  # an act whose other end has gone
        await asyncio.wait_for(acting, 5)
    return [crashed_s, *results[1:]] if crashed_s is not None else results  # type: ignore[list-item, return-value]


def line(name: str, way: Way, seen: list[float | None]) -> str:
    """One line of the table; a star beside what is later than its goal."""

    def figure(value: float | None) -> str:
        if value is None:
            return f"{'stays' if way.stays else '> 12 *':>10}"
        return f"{value:8.2f}{' *' if value > way.goal_s else '  '}"

    return f"{name:<18}{''.join(map(figure, seen))}   {way.stays}"


async def leaving(*names: str) -> None:
    print("\nTime to silence, s (goal 2; a killed tab 4)\n")
    print(f"{'':<18}{'devices off':>10}{'peer gone':>10}{'all gone':>10}   what stays on purpose")
    async with theatre() as house:
        for name, way in WAYS.items():
            if names and name not in names:
                continue
            async with house.scene() as scene:
                print(line(name, way, await times(scene, way)), flush=True)


if __name__ == "__main__":
    asyncio.run(leaving(*sys.argv[1:]))
