"""Time to recovery for every way a live Lab is disturbed, and what the person reads meanwhile.

    python tests/benchmarks/recovery.py [way …]

Counted from the moment the cause is gone (a killed engine: from the kill) until new pictures are in Python. Where a
person must do something, a hand that is as quick as a script does it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent.parent)]

import psutil  # noqa: E402
from playwright.async_api import Error  # noqa: E402
from stage import Scene, Theatre, theatre  # noqa: E402
from support import chromium as debian  # noqa: E402
from support.breaking import PLUG, UNPLUG, Cable, NetworkServer, hold, kill, start_again  # noqa: E402
from support.labview import LabView  # noqa: E402

__all__ = ["recovery"]

DEVICES = ("camera", "microphone")
RECEIVED = "[lab.state, lab.stats()['video']['camera']['received']]"
Act = Callable[[Scene], Awaitable[object]]


async def nothing(scene: Scene) -> None:
    """It mends itself."""


def freeze(number: signal.Signals) -> Act:
    async def act(scene: Scene) -> None:
        children = psutil.Process().children(recursive=True)
        hold([process for process in children if "chrom" in process.name()], number)

    return act


async def run_and_start(scene: Scene) -> None:
    await scene.notebook.wait_kernel()
    await scene.notebook.run(0)
    await LabView(scene.notebook, 0).start()


async def reload(scene: Scene) -> None:
    await scene.notebook.save()
    await scene.notebook.page.reload()


async def click_start(scene: Scene) -> None:
    await scene.notebook.wait_kernel()
    await scene.view.start()


async def forbid(scene: Scene) -> None:
    await scene.notebook.context.clear_permissions()


async def allow(scene: Scene) -> None:
    await scene.notebook.context.grant_permissions(list(DEVICES))
    await scene.view.press("Switch camera on")
    await scene.view.press("Unmute microphone")


async def kill_engine(scene: Scene) -> None:
    os.kill(scene.engine_pid, signal.SIGKILL)


async def kill_server(scene: Scene) -> None:
    kill(scene.server)


async def server_again(scene: Scene) -> None:
    await asyncio.to_thread(start_again, scene.server)
    scene.kernel = None  # type: ignore[assignment]  # it died with its server
    said = scene.view.root.locator(".srl-status-text", has_text="run the cell again")
    await said.wait_for(timeout=60_000)
    await scene.notebook.page.reload()  # JupyterLab shows "No Kernel" until then
    await run_and_start(scene)


@dataclass(frozen=True)
class Way:
    """What breaks, for how long, what mends it, and what the person does for that."""

    disturb: Act
    broken_s: float
    mend: Act
    does: str = "nothing"
    context: dict[str, Any] = field(default_factory=dict)


def cable_ways(cable: Cable) -> dict[str, Way]:
    async def cut(scene: Scene) -> None:
        cable.cut()

    async def mend(scene: Scene) -> None:
        cable.mend()

    return {f"network cut for {s} s": Way(cut, s, mend) for s in (4, 20)}


WAYS = {
    "engine killed": Way(kill_engine, 0, nothing),
    "lid closed for 8 s": Way(freeze(signal.SIGSTOP), 8, freeze(signal.SIGCONT)),
    "devices unplugged": Way(
        lambda s: s.notebook.evaluate_quietly(UNPLUG),
        3,
        lambda s: s.notebook.evaluate_quietly(PLUG),
        "plugs in",
    ),
    "permission revoked": Way(
        forbid, 3, allow, "allows, switches on", {"permissions": list(DEVICES), "accept": False}
    ),
    "page reloaded": Way(reload, 0, click_start, "clicks Start"),
    "kernel restarted": Way(
        lambda s: s.notebook.submit_restart(), 3, run_and_start, "runs the cell, clicks Start"
    ),
    "server restarted": Way(kill_server, 3, server_again, "reloads the page, runs the cell, clicks Start"),
}


async def listen(scene: Scene, said: list[str]) -> None:
    """Keep each different sentence of the page, until cancelled."""
    while True:
        with contextlib.suppress(Error, TimeoutError, AssertionError):
            async with asyncio.timeout(2):
                lines = [
                    await scene.view.spoken(),
                    *(text.replace("\n", " ") for text in await scene.view.problems()),
                ]
                said += [line for line in lines if line and line not in said and not line.startswith("Live")]
        await asyncio.sleep(0.1)


async def live_again(scene: Scene, limit_s: float = 60.0) -> None:
    """Wait until three new pictures are in Python."""
    first: int | None = None
    deadline_s = time.monotonic() + limit_s
    kernel = scene.kernel or await scene.notebook.kernel()
    while time.monotonic() < deadline_s:
        with contextlib.suppress(AssertionError):  # no engine, or no lab, for the moment
            state, received = await kernel.value(RECEIVED, 5)
            first = received if first is None or received < first else first
            if state == "live" and received >= first + 3:
                return
        await asyncio.sleep(0.05)
    raise TimeoutError(f"not live again within {limit_s:g} s")


async def recovered(scene: Scene, way: Way) -> float:
    """Break and mend; the seconds from the mending on."""
    await way.disturb(scene)
    await asyncio.sleep(way.broken_s)
    begun_s = time.monotonic()
    await way.mend(scene)
    await live_again(scene)
    return time.monotonic() - begun_s


async def play(house: Theatre, name: str, way: Way) -> None:
    """One line of the table."""
    said: list[str] = []
    try:
        async with house.scene(**way.context) as scene:
            listening = asyncio.create_task(listen(scene, said))
            try:
                took = f"{await recovered(scene, way):6.2f}"
            finally:
                listening.cancel()
    except (TimeoutError, Error) as error:
        took = f"not: {error}".splitlines()[0]
    print(f"{name:<22}{took:>7}   {way.does}", *(f"\n{'':<32}“{line}”" for line in said), sep="", flush=True)


async def recovery(*names: str) -> None:
    print("\nTime to recovery, s, what the person does, and what the page says meanwhile\n")

    def wanted(ways: dict[str, Way]) -> dict[str, Way]:
        return {name: way for name, way in ways.items() if not names or name in names}

    async with theatre() as house:
        for name, way in wanted(WAYS).items():
            await play(house, name, way)
    if os.geteuid() != 0:
        print("network cut: not measured, for that needs root")
        return
    cable = Cable()
    try:
        ways = wanted(cable_ways(cable))
        if ways:
            await behind(cable, ways)
    finally:
        cable.close()


async def behind(cable: Cable, ways: dict[str, Way]) -> None:
    """These scenes with the browser on another computer."""
    async with theatre() as house:
        server = NetworkServer(
            house.directory / "far", arguments=("--ServerApp.allow_remote_access=True",)
        ).start()
        house.server, house.host = server, cable.HERE
        wrapper = house.directory / "chromium"
        wrapper.write_text(f'#!/bin/sh\nexec ip netns exec {cable.namespace} {debian.chromium_path()} "$@"\n')
        wrapper.chmod(0o755)
        trusted = f"--unsafely-treat-insecure-origin-as-secure=http://{cable.HERE}:{server.port}"
        house.browser = await debian.launch_chromium(
            house.driver, house.media, arguments=(trusted,), executable=wrapper
        )
        for name, way in ways.items():
            await play(house, name, way)


if __name__ == "__main__":
    asyncio.run(recovery(*sys.argv[1:]))
