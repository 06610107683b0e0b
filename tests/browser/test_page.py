"""The web page of a served bot, as a person meets it: the address that `smallrtc-lab run` printed, in a browser."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from playwright.async_api import Browser, expect
from support.firefox import Firefox
from support.labview import WATCH_MEDIA
from support.visitor import Visitor, served_address

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


@pytest_asyncio.fixture(loop_scope="session")
async def address(tmp_path: Path) -> AsyncIterator[str]:
    """The address that a running `smallrtc-lab run` printed, with a bot that echoes until it hears "bye"."""
    async with served_address(tmp_path, "polite_bot.py", echo_bot=ECHO, polite_bot=POLITE) as found:
        yield found


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
