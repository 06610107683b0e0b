"""Chromium as a person has it: who drives it comes and goes, and a covered tab is hidden.

Playwright tells each page it is attached to that it has the focus, so that none is ever hidden, and switches the
throttling of hidden tabs off. Here it lets go, and the tab is what it would be.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
from playwright.async_api import Browser, Playwright

from .chromium import chromium_path
from .knownmedia import KnownMedia

__all__ = ["PlainChromium", "plain_chromium"]

_LISTENING = re.compile(r"DevTools listening on ws://([^/]+)/")
_START_S = 60.0


class PlainChromium:
    """A running browser; ``address`` is where its tabs are listed."""

    def __init__(self, address: str) -> None:
        self.address = address

    @contextlib.asynccontextmanager
    async def driven(self, playwright: Playwright) -> AsyncIterator[Browser]:
        """Playwright's hands on it, for as long as the block runs."""
        browser = await playwright.chromium.connect_over_cdp(self.address)
        try:
            yield browser
        finally:
            await browser.close()

    async def tab(self, part: str) -> str:
        """The name of the tab whose address has this part."""
        async with httpx.AsyncClient() as client:
            tabs: list[dict[str, Any]] = (await client.get(f"{self.address}/json/list")).json()
        return str(next(one["id"] for one in tabs if one["type"] == "page" and part in one["url"]))

    async def cover(self) -> None:
        """An empty tab in front of all others."""
        async with httpx.AsyncClient() as client:
            made = (await client.put(f"{self.address}/json/new?about:blank")).json()
        await self.show(made["id"])

    async def show(self, tab: str) -> None:
        """This tab in front."""
        async with httpx.AsyncClient() as client:
            await client.get(f"{self.address}/json/activate/{tab}")


@contextlib.asynccontextmanager
async def plain_chromium(directory: Path, media: KnownMedia, *arguments: str) -> AsyncIterator[PlainChromium]:
    """With known camera and microphone, every permission granted; gone afterwards."""
    options = [
        "--headless", "--remote-debugging-port=0", f"--user-data-dir={directory / 'profile'}", "--no-first-run",
        "--disable-dev-shm-usage", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={media.camera}", f"--use-file-for-fake-audio-capture={media.microphone}",
        *(["--no-sandbox"] if os.geteuid() == 0 else []), *arguments, "about:blank",
    ]  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        str(chromium_path()), *options, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    reading: asyncio.Task[bytes] | None = None
    try:
        async with asyncio.timeout(_START_S):
            while not (
                found := _LISTENING.search((await process.stderr.readline()).decode(errors="replace"))
            ):
                assert process.returncode is None, "Chromium did not start"
        reading = asyncio.get_running_loop().create_task(process.stderr.read())
        yield PlainChromium(f"http://{found.group(1)}")
    finally:
        process.terminate()
        await process.wait()
        if reading is not None:
            await reading
