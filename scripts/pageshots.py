"""Pictures of a served bot's web page in every state: `python scripts/pageshots.py [--into DIR]`.

Each state in light, dark and narrow, in a real Chromium, with a real `smallrtc-lab run`. `--docs` makes the picture of
the README instead. Needs the test extra.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.async_api import Browser, Page, async_playwright
from screenshots import ROOT, machine_address, portrait_media
from support.chromium import launch_chromium

BOT = """
import asyncio
import numpy as np
from smallrtc_lab import SmallWebRTCTransport, TransportParams

PARAMS = TransportParams(audio_in_enabled=True, audio_out_enabled=True, video_in_enabled=True, video_out_enabled=True)

async def bot(runner_args):
    transport = SmallWebRTCTransport(runner_args.webrtc_connection, PARAMS)

    async def pictures():
        async for frame in transport.input().video_frames("camera"):
            gray = frame.gray.astype(int)
            seen = abs(gray[2:, 1:-1] - gray[:-2, 1:-1]) + abs(gray[1:-1, 2:] - gray[1:-1, :-2]) > 24
            await transport.output().write_video_frame(np.uint8(seen) * 255)

    async def messages():
        async for message in transport.input().messages():
            if message == "bye":
                return
            await transport.output().send_message({"you said": message})

    pictures = asyncio.create_task(pictures())
    await messages()
    pictures.cancel()
"""
LOOKS = {"light": ("light", 1240), "dark": ("dark", 1240), "narrow": ("light", 390)}
PORT = 7862


@dataclass
class Visit:
    """A page, and the address it was opened with."""

    page: Page
    url: str

    async def live(self) -> None:
        """Press Start and wait for the picture that comes back."""
        await self.page.get_by_role("button", name="Start", exact=True).click()
        await self.page.locator('.srl-tile:has(video[aria-label="From Python"]):visible').wait_for()
        for line in ("hello", '{"threshold": 24}'):
            await self.page.get_by_label("A message to the bot").fill(line)
            await self.page.keyboard.press("Enter")
        await self.page.get_by_role("button", name="Listen to the sound").click()
        await self.page.wait_for_timeout(2500)


async def idle(visit: Visit) -> None:
    """Opened."""
    await visit.page.get_by_text("For other clients").click()


async def ended(visit: Visit) -> None:
    """The bot ended it."""
    await visit.live()
    await visit.page.get_by_label("A message to the bot").fill("bye")
    await visit.page.keyboard.press("Enter")
    await visit.page.get_by_text("The bot ended the conversation.").first.wait_for()


async def plain_http(visit: Visit) -> None:
    """Opened over plain HTTP from another computer: no camera there."""
    await visit.page.goto(visit.url.replace("localhost", machine_address()))
    await visit.page.get_by_role("button", name="Start", exact=True).click()
    await visit.page.wait_for_timeout(3000)


async def stranger(visit: Visit) -> None:
    """Opened without the token."""
    await visit.page.context.clear_cookies()
    await visit.page.goto(visit.url.partition("?")[0])


async def away(visit: Visit) -> None:
    """The server is not reached when Start is pressed."""
    await visit.page.context.set_offline(True)
    await visit.page.get_by_role("button", name="Start", exact=True).click()
    await visit.page.locator(".srl-panel").wait_for()


STATES: dict[str, Callable[[Visit], Awaitable[None]]] = {
    "idle": idle,
    "live": Visit.live,
    "ended": ended,
    "plain-http": plain_http,
    "stranger": stranger,
    "away": away,
}


def serve(directory: Path) -> tuple[subprocess.Popen[bytes], str]:
    """Start the command; the address that it prints."""
    (directory / "edges_bot.py").write_text(BOT)
    options = ["--no-browser", "--port", str(PORT), "--host", "0.0.0.0"]
    command = [sys.executable, "-m", "smallrtc_lab", "run", "edges_bot.py", *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    server = subprocess.Popen(command, cwd=directory, env=environment, stdout=subprocess.PIPE)
    assert server.stdout is not None
    found = next(filter(None, (re.search(rb"http://\S+token=\S+", line) for line in server.stdout)))
    return server, found.group().decode()


async def picture(browser: Browser, look: str, state: str, url: str, into: Path) -> Path:
    """One state in one look."""
    scheme, width = LOOKS[look]
    look_of = {"viewport": {"width": width, "height": 700}, "color_scheme": scheme}
    context = await browser.new_context(**look_of)  # type: ignore[arg-type]
    try:
        page = await context.new_page()
        await page.goto(url)
        await STATES[state](Visit(page, url))
        path = into / f"page-{state}-{look}.png"
        await page.screenshot(path=path, full_page=True)
        return path
    finally:
        await context.close()


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--into", type=Path, default=ROOT / "test-results")
    parser.add_argument("--docs", action="store_true", help="make docs/page.jpg")
    parser.add_argument("states", nargs="*", choices=[[], *STATES], help="all unless named")
    arguments = parser.parse_args()
    arguments.into.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        media = portrait_media(Path(name))
        async with async_playwright() as driver:
            browser = await launch_chromium(driver, media)
            server, url = serve(Path(name))
            try:
                if arguments.docs:
                    made = await picture(browser, "light", "live", url, Path(name))
                    Image.open(made).convert("RGB").save(
                        ROOT / "docs" / "page.jpg", quality=82, optimize=True
                    )
                    return
                for state in arguments.states or STATES:
                    for look in LOOKS:
                        await picture(browser, look, state, url, arguments.into)
            finally:
                server.terminate()
                server.wait(30)
                await browser.close()


if __name__ == "__main__":
    asyncio.run(main())
