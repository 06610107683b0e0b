"""A served bot's visitors whose network lets no WebRTC through: everything goes through the server instead."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect
from support.jupyter import JupyterServer
from support.knownmedia import TONE_HZ
from support.labview import WATCH_MEDIA
from support.visitor import Visitor, served_address

LaunchChromium = Callable[..., Awaitable[Browser]]

NO_UDP = "--webrtc-ip-handling-policy=disable_non_proxied_udp"  # and no proxy: no candidate is left
ECHO = (Path(__file__).parents[2] / "examples" / "echo_bot.py").read_text()


async def visitor_of(browser: Browser, address: str) -> Visitor:
    context = await browser.new_context(viewport={"width": 1280, "height": 960}, color_scheme="light")
    context.set_default_timeout(60_000)
    await context.add_init_script(WATCH_MEDIA)
    page: Page = await context.new_page()
    visitor = Visitor(page)
    await page.goto(address)
    return visitor


async def meets(visitor: Visitor) -> None:
    """Start; its own colours and tone come back, messages go both ways, and the words say which way that is."""
    took_s = await visitor.start()
    await visitor.sees_itself()
    print(f"click → live through the server {took_s:.2f} s (goal 2.5 s)")
    await expect(visitor.status).to_contain_text("through the server")
    print(await visitor.status.inner_text())
    await visitor.say('{"hello": "bot"}')
    await expect(visitor.messages).to_contain_text('{"you said":{"hello":"bot"}}')
    await visitor.button("Listen to the sound the bot returns").click()
    await expect(visitor.events).to_contain_text("Listening")
    tone = await visitor.hears()
    print("heard:", tone)
    assert tone.hz == pytest.approx(TONE_HZ, abs=10)
    await visitor.live_tracks("audio", "video")


async def test_a_visitor_without_udp_meets_the_bot(
    launch_chromium: LaunchChromium, tmp_path: Path, results_dir: Path
) -> None:
    """`smallrtc-lab run`: live, with colours, tone and messages; Stop ends it, and another Start begins it again."""
    async with served_address(tmp_path, "echo_bot.py", echo_bot=ECHO) as address:
        visitor = await visitor_of(await launch_chromium(NO_UDP), address)
        try:
            await meets(visitor)
            await visitor.page.screenshot(path=results_dir / "page-relayed.png", full_page=True)
            await visitor.button("Stop").click()
            await visitor.live_tracks()
            await expect(visitor.events).to_contain_text("Ended: camera and microphone are off")
            print(f"again: click → live {await visitor.start():.2f} s")
            await visitor.sees_itself()
        finally:
            await visitor.page.screenshot(path=results_dir / "page-relayed-end.png", full_page=True)
            await visitor.page.context.close()
    assert visitor.faults == []


@pytest.mark.soak
async def test_a_guest_without_udp_meets_the_bot_of_a_notebook(
    launch_chromium: LaunchChromium, jupyter: JupyterServer
) -> None:
    """By the link of `serve(bot)`, without a login: the same, and the bot's client list knows one visitor."""
    kernel = await jupyter.start_kernel()
    await kernel.execute(
        ECHO + "\nfrom smallrtc_lab import serve\nserving = serve(bot, name='echo')", timeout_s=60
    )
    path = await kernel.value("serving.guest_path")
    visitor = await visitor_of(await launch_chromium(NO_UDP), jupyter.url.rstrip("/") + path)
    await meets(visitor)
    assert await kernel.value("[who.state for who in serving.clients]") == ["connected"]
    await visitor.button("Stop").click()
    await kernel.wait_value("serving.clients == []")
    assert visitor.faults == []
    await visitor.page.context.close()
