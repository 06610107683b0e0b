"""A visitor of a served bot's page, in a real browser, and the command that serves the bot."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
from playwright.async_api import Locator, Page, expect

from .knownmedia import BLOCKS, COLOURS
from .labview import HEARD
from .notebookpage import Tone, measure_tone
from .pagescripts import SAMPLE_VIDEO
from .processes import ProcessFamily

__all__ = ["LIVE", "WAIT_S", "Visitor", "served_address"]

LIVE = "smallrtcSeen.tracks.filter(track => track.readyState === 'live').map(track => track.kind)"
WAIT_S = 60
POINTS = [[block.x, block.y] for block in BLOCKS]


@asynccontextmanager
async def served_address(folder: Path, bot: str, **files: str) -> AsyncIterator[str]:
    """The address that a running `smallrtc-lab run` of that file printed; ``files`` are written beside it."""
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    family = ProcessFamily(folder / "home")
    family.home.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "smallrtc_lab", "run", bot, "--no-browser", "--port", free_port()],
        cwd=folder, env=family.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    found = next(filter(None, (re.search(rb"http://\S+token=\S+", line) for line in process.stdout)))
    yield found.group().decode()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert family.end() == []


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def distance(colours: Any) -> float:
    """From the camera's eight colours, the mean in steps of 0..255."""
    return float(np.abs(np.array(colours) - np.array(COLOURS)).mean())


class Visitor:
    """The page, its parts, and what went wrong in it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.faults: list[str] = []
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", lambda said: self.faults.append(said.text) if said.type == "error" else None)
        self.status = page.locator(".srl-status-text")
        self.messages = page.get_by_role("log", name="Messages")
        self.events = page.get_by_role("log", name="Events")

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    async def say(self, line: str) -> None:
        """Type a line, press Enter."""
        await self.page.get_by_label("A message to the bot").fill(line)
        await self.page.keyboard.press("Enter")

    async def live_tracks(self, *kinds: str) -> None:
        """Wait until exactly these devices are open. The page's policy forbids what Playwright waits with."""
        async with asyncio.timeout(WAIT_S):
            while sorted(await self.page.evaluate(LIVE)) != sorted(kinds):
                await self.page.wait_for_timeout(50)

    async def sees_itself(self) -> None:
        """Wait until the picture that comes back has the camera's colours."""
        video = self.page.locator('video[aria-label="From Python"]')
        async with asyncio.timeout(WAIT_S):
            while not (colours := await video.evaluate(SAMPLE_VIDEO, POINTS)) or distance(colours) > 20:
                await self.page.wait_for_timeout(100)

    async def start(self) -> float:
        """Press Start; how many seconds until it was live."""
        loop = asyncio.get_running_loop()
        begun_s = loop.time()
        await self.button("Start").click()
        await expect(self.status).to_contain_text("Live")
        return loop.time() - begun_s

    async def hears(self) -> Tone:
        """Measure what *Listen* plays, for a second."""
        root = self.page.locator(".smallrtc-lab").first
        await root.locator("> audio").evaluate_all("all => all.forEach(audio => audio.remove())")
        await root.evaluate(HEARD)
        return await measure_tone(root.locator("> audio"))
