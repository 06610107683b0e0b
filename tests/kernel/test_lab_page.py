"""A page beside a kernel, without a browser: what the widget is told of functions, and what its controls do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest_asyncio
from support.jupyter import JupyterServer
from support.kernel import Kernel
from websockets.asyncio.client import ClientConnection, connect

BEGIN = """
import threading, time
import numpy as np
from smallrtc_lab import Lab
lab = Lab()
lab.simulate(video="bars", audio="tone")
lab.wait_live(60)
"""
DEADLINE_S = 60


class Page:
    """The session socket as a page has it."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.passed: list[dict[str, Any]] = []

    async def say(self, **message: Any) -> None:
        await self.socket.send(json.dumps(message))

    async def read(self, kind: str, accept: Callable[[dict[str, Any]], bool] = lambda _: True) -> Any:
        """The first message of a kind that is accepted, among those not taken yet; the others stay."""
        async with asyncio.timeout(DEADLINE_S):
            while True:
                for message in self.passed:
                    if message["type"] == kind and accept(message):
                        self.passed.remove(message)
                        return message
                self.passed.append(json.loads(await self.socket.recv()))


@pytest_asyncio.fixture
async def page(jupyter: JupyterServer, served_kernel: Kernel) -> AsyncIterator[Page]:
    """A page of a lab that is live."""
    await served_kernel.execute(BEGIN, timeout_s=90)
    session = await served_kernel.value("lab._session")
    address = jupyter.url.replace("http", "ws", 1) + f"smallrtc/sessions/{session}/socket"
    headers = {"Authorization": f"token {jupyter.token}"}
    async with connect(address, additional_headers=headers, proxy=None) as socket:
        page = Page(socket)
        await page.say(type="hello", version=1, page="beside-the-kernel", visible=True)
        await page.read("welcome")
        yield page


async def test_the_page_sees_whose_result_it_gets_and_moves_its_controls(
    page: Page, served_kernel: Kernel
) -> None:
    """Who processes, with controls; a move reaches the function in a busy cell; another function replaces it."""
    kernel = served_kernel
    await kernel.execute(
        "calls = []\n"
        "@lab.on_video(controls=dict(k=(1, 51, 2), mode=dict(soft=np.minimum, hard=np.maximum), on=True))\n"
        "def effect(frame, k, mode, on):\n"
        "    calls.append((k, mode.__name__, on))\n"
        "    print('got', k)\n"
        "    lab.values['k'] = k"
    )
    told = (await page.read("processors", lambda m: m["video"] is not None))["video"]
    assert (told["name"], told["state"]) == ("effect", "running")
    controls = told["controls"]
    assert controls["k"] == {"type": "range", "min": 1, "max": 51, "step": 2, "value": 25}
    assert (controls["mode"]["options"], controls["on"]["value"]) == (["soft", "hard"], True)
    await kernel.wait_value("len(calls) > 0 and calls[-1]", lambda call: call == [25, "minimum", True])
    busy = await kernel.submit(
        "t = time.monotonic()\nwhile calls[-1][0] != 31: assert time.monotonic() < t + 60"
    )
    await asyncio.sleep(0.2)
    for name, value in (("mode", "hard"), ("on", False), ("nonsense", 1), ("k", 999), ("k", 31)):
        await page.say(type="control", callback="effect", name=name, value=value)
    assert (await page.read("log", lambda m: m["text"] == "got 31"))["text"] == "got 31"
    assert (await page.read("values", lambda m: m["values"]["k"] == 31))["values"] == {"k": 31}
    await busy.wait(90)
    assert await kernel.value("calls[-1]") == [31, "maximum", False]
    await kernel.execute("@lab.on_video\ndef another(frame): return 255 - frame.image\n")
    told = await page.read("processors", lambda m: (m["video"] or {}).get("name") == "another")
    assert told["video"]["controls"] == {}
    assert await kernel.value("[c.name for c in lab._callbacks.all()]") == ["another"]
    assert "paused or removed" in await kernel.value("repr(effect)")
    n = await kernel.value("len(calls)")
    await kernel.wait_value("another.stats['calls']", lambda calls: calls > 3)
    assert await kernel.value("len(calls)") <= n + 1

    await kernel.execute("@lab.on_video\ndef fails(frame): return frame.image / 255\n")
    failed = await page.read("processors", lambda m: (m["video"] or {}).get("state", "running") != "running")
    assert failed["video"]["state"] == "failed"
    problem = await page.read("problem", lambda m: m["code"] == "callback-fails" and m["count"] > 1)
    assert "multiply by 255?" in problem["message"]
    assert problem["detail"].startswith("TypeError")
    page.passed.clear()
    await kernel.execute("fails.remove()")
    await page.read("processors", lambda m: m["video"] is None)
    gone = await page.read("problem", lambda m: m["code"] == "callback-fails" and not m["count"])
    assert gone["message"] == ""
