"""A relay whose way stalls, is reset or falls silent: it goes on by itself, with every message once and in order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser
from support.jupyter import JupyterServer
from support.kernel import Kernel
from support.labview import LabView
from support.notebookpage import NotebookPage
from support.slowproxy import THROUGH_PROXY, SlowProxy

OpenNotebook = Callable[..., Awaitable[NotebookPage]]
LaunchChromium = Callable[..., Awaitable[Browser]]

pytestmark = pytest.mark.soak

NO_UDP = "--webrtc-ip-handling-policy=disable_non_proxied_udp"
GOAL_S = 4.0
LAB = "from smallrtc_lab import Lab\nlab = Lab()\nlab"
CODE = """
import time
got, came = [], []

@lab.on_message
def heard(message):
    got.append(message)
    lab.send_message(message)

@lab.watch_video
def watch(frame):
    came.append(time.monotonic())

@lab.on_video
def echo(frame):
    return frame.image

@lab.on_audio
def same(chunk):
    return chunk.samples

def longest_s():
    return max(b - a for a, b in zip(came, came[1:]))
"""


class Talk:
    """What was said so far, both ways."""

    def __init__(self, view: LabView, kernel: Kernel) -> None:
        self.count = 0
        self._view, self._kernel = view, kernel

    async def say(self, count: int = 3) -> None:
        """Number the next messages to Python, which sends them back."""
        await self._view.send(*range(self.count, self.count + count))
        self.count += count

    async def all_heard(self) -> None:
        """Each once and in order, there and back."""
        said = list(range(self.count))
        await self._kernel.wait_value(f"got == list(range({self.count}))")
        async with asyncio.timeout(60):
            while len(await self._view.messages()) < self.count:
                await asyncio.sleep(0.1)
        assert await self._view.messages() == said


@pytest.mark.timeout(600)
async def test_it_goes_on_after_a_stall_a_reset_and_silence(
    open_notebook: OpenNotebook, launch_chromium: LaunchChromium, jupyter: JupyterServer
) -> None:
    """Pictures are there again within seconds, no old ones, the delay is as before, and the state is live."""
    port = urlsplit(jupyter.url).port
    assert port is not None
    async with SlowProxy(port, rate_bps=50e6, way_s=0.005) as proxy:
        notebook = await open_notebook([LAB, CODE], browser=await launch_chromium(NO_UDP))
        await notebook.page.evaluate(THROUGH_PROXY, proxy.port)
        await notebook.run(0)
        assert (await notebook.run(1)).error is None
        view = LabView(notebook, 0)
        await view.start()
        await view.collect_messages()
        kernel = await notebook.kernel()
        await kernel.wait_value("lab.route == 'relay' and len(came) > 30")
        talk = Talk(view, kernel)

        async def stall(seconds: float) -> None:
            proxy.flowing.clear()
            await asyncio.sleep(seconds / 2)
            await talk.say()
            await asyncio.sleep(seconds / 2)
            proxy.flowing.set()

        cases: list[tuple[str, float, Callable[[], Awaitable[None]]]] = [
            ("stalls for 0.5 s", 0.5, lambda: stall(0.5)),
            ("stalls for 2 s", 2, lambda: stall(2)),
            ("stalls for 10 s", 10, lambda: stall(10)),
            ("is reset", 0, lambda: done(proxy.reset)),
            ("is silent", 0, lambda: done(proxy.forget)),
        ]
        for what, least_s, act in cases:
            await asyncio.sleep(2)
            await kernel.execute("came.clear()")
            await talk.say()
            await act()
            await talk.say()
            await kernel.wait_value("len(came) > 60 and lab.state == 'live' and lab.route == 'relay'")
            await talk.all_heard()
            longest_s = await kernel.value("longest_s()")
            told: Any = await kernel.value(
                "(lab.stats()['delays']['capture_to_callback'], lab.audio.last(10).gaps)"
            )
            print(f"{what}: {longest_s - least_s:.2f} s more (goal {GOAL_S} s); {told}")
            assert longest_s < least_s + 5 * GOAL_S
        await asyncio.sleep(12)
        delay_ms = await kernel.value("lab.stats()['delays']['capture_to_callback']['median_ms']")
        print(f"afterwards {delay_ms:.0f} ms from capture to callback")
        assert delay_ms < 1500
    assert notebook.page_errors == []


async def done(act: Callable[[], None]) -> None:
    """At once."""
    act()
