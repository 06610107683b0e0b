"""The web page of a served bot, as a person meets it: the address that `smallrtc-lab run` printed, in a browser."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect
from support.firefox import Firefox
from support.knownmedia import BLOCKS, COLOURS
from support.labview import WATCH_MEDIA
from support.pagescripts import SAMPLE_VIDEO
from support.processes import ProcessFamily

ECHO = (Path(__file__).parents[2] / "examples" / "echo_bot.py").read_text()
POLITE = """
import asyncio
from echo_bot import bot as echo

async def bot(runner_args):
    over = asyncio.Event()

    @runner_args.webrtc_connection.event_handler("app-message")
    def listen(connection, message):
        if message == "bye":
            over.set()

    meeting = asyncio.create_task(echo(runner_args))
    await asyncio.wait({meeting, asyncio.create_task(over.wait())}, return_when=asyncio.FIRST_COMPLETED)
    meeting.cancel()
"""
LIVE = "smallrtcSeen.tracks.filter(track => track.readyState === 'live').map(track => track.kind)"
WAIT_S = 60
POINTS = [[block.x, block.y] for block in BLOCKS]


@pytest_asyncio.fixture(loop_scope="session")
async def address(tmp_path: Path) -> AsyncIterator[str]:
    """The address that a running `smallrtc-lab run` printed, with a bot that echoes until it hears "bye"."""
    (tmp_path / "echo_bot.py").write_text(ECHO)
    (tmp_path / "polite_bot.py").write_text(POLITE)
    family = ProcessFamily(tmp_path / "home")
    family.home.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "smallrtc_lab", "run", "polite_bot.py", "--no-browser", "--port", free_port()],
        cwd=tmp_path, env=family.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
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


async def test_a_person_meets_a_bot(chromium: Browser, address: str, results_dir: Path) -> None:
    """Start, the picture comes back, messages both ways, mute, camera and screen, Listen, and the bot's own end."""
    context = await chromium.new_context(viewport={"width": 1280, "height": 960}, color_scheme="light")
    context.set_default_timeout(60_000)
    await context.add_init_script(WATCH_MEDIA)
    visitor = Visitor(await context.new_page())
    try:
        await meet(visitor, address, results_dir)
    finally:
        await visitor.page.screenshot(path=results_dir / "page-end.png", full_page=True)
        await context.close()
    assert visitor.faults == []


async def meet(visitor: Visitor, address: str, results_dir: Path) -> None:
    page, events = visitor.page, visitor.events
    await page.goto(address)
    assert page.url == address.partition("?")[0], "the token stays in the address bar"
    await expect(page.get_by_role("heading", name="Meet polite_bot.py")).to_be_visible()
    assert await page.evaluate("smallrtcSeen.requests") == []

    await visitor.button("Start").click()
    await expect(visitor.status).to_contain_text("Live")
    await visitor.sees_itself()
    await expect(events).to_contain_text("Connected: live")
    await visitor.live_tracks("audio", "video")

    await visitor.say('{"hello": "bot"}')
    await expect(visitor.messages).to_contain_text('{"you said":{"hello":"bot"}}')

    await visitor.button("Mute microphone").click()
    await expect(events).to_contain_text("Microphone muted")
    await visitor.button("Unmute microphone").click()
    await visitor.button("Listen to the sound the bot returns").click()
    await expect(events).to_contain_text("Listening")
    await visitor.button("Devices").click()
    await expect(page.get_by_label("Camera", exact=True).and_(page.locator("select"))).to_be_visible()
    await page.screenshot(path=results_dir / "page-live.png", full_page=True)
    await visitor.button("Switch camera off").click()
    await visitor.live_tracks("audio")
    await visitor.button("Switch camera on").click()
    await visitor.button("Share a screen").click()
    await expect(events).to_contain_text("Screen shared")
    await visitor.live_tracks("audio", "video", "video")
    await visitor.button("Stop sharing the screen").click()
    await expect(events).to_contain_text("Screen no longer shared")
    await visitor.live_tracks("audio", "video")

    await visitor.button("Stop").click()
    await visitor.live_tracks()
    await expect(events).to_contain_text("Ended: camera and microphone are off")

    await page.reload()  # the cookie is the key now
    await visitor.button("Start").click()
    await visitor.sees_itself()
    await visitor.say("bye")
    await expect(page.locator(".srl-notices")).to_contain_text("The bot ended the conversation.")
    await visitor.live_tracks()
    await expect(visitor.button("Start")).to_be_enabled()


ROOT = "document.querySelector('.smallrtc-lab')"
PLAYS = """(() => {
  const video = document.querySelector('video[aria-label="From Python"]')
  return !!video && video.videoWidth > 0 && !video.paused && video.currentTime > 0.5
})()"""
SAY = """line => {
  document.querySelector('.srp-input').value = line
  document.querySelector('.srp-form').requestSubmit()
}"""


async def test_firefox_meets_a_bot(address: str, tmp_path: Path, results_dir: Path) -> None:
    """The same page in Firefox: the picture comes back, a message is answered, the bot's end is said."""
    firefox = await Firefox(tmp_path / "firefox").start()
    try:
        page = await firefox.open(address)
        await page.wait_true(f"{ROOT}?.dataset.state === 'idle'")
        assert "token" not in await page.evaluate("location.href")
        await page.click("document.querySelector('[data-action=start]')")
        await page.wait_true(PLAYS)
        await page.evaluate(f"({SAY})('hello')")
        await page.wait_true("document.querySelector('.srp-messages').innerText.includes('you said')")
        await page.screenshot(results_dir / "page-firefox.png")
        await page.evaluate(f"({SAY})('bye')")
        await page.wait_true("document.querySelector('.srl-notices').innerText.includes('The bot ended')")
    finally:
        await firefox.close()
