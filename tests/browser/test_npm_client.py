"""Pipecat's npm client, unmodified, in a page of another origin, against the runner and a notebook's `serve(bot)`."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser
from support.firefox import Firefox
from support.jupyter import JupyterServer
from support.npmclient import BOT, NpmClient, npm_page
from support.runner import TOKEN, running


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The page with the client."""
    with npm_page(tmp_path_factory.mktemp("npm") / "page") as url:
        yield url


async def test_the_npm_client_in_chromium(chromium: Browser, address: str, tmp_path: Path) -> None:
    """Picture, tone, messages, mute and screen share, with the runner and a cell; a bot's crash only interrupts."""
    context = await chromium.new_context()
    page = await context.new_page()
    await page.goto(address)
    await page.click("p")  # a gesture, so that Web Audio runs
    client = NpmClient(page.evaluate)
    async with running(tmp_path / "home", BOT, "--allow-origin", address) as runner:
        await runner.said(r"/client/\?token=")
        assert await client.join(f"{runner.root}start", TOKEN, {"room": 7}) == {"version": "1.0.0"}
        await all_of(client, {"room": 7})
        (pid,) = runner.bots()
        os.kill(pid, signal.SIGKILL)  # no word to the client, and nobody knows its pc_id when it comes back
        await runner.said("is served again")
        await client.reconnects("page.cut()")
        assert (await client.ask("again", 2))[0] == 2
        await client.evaluate("(page.seen.length = 0)")
        await runner.stop()
        await client.until("page.seen.some(one => one[0] === 'left')")
        await client.evaluate("page.client.disconnect()")
    server = JupyterServer(
        tmp_path / "server", app="server", arguments=(f"--ServerApp.allow_origin={address}",)
    ).start()
    try:
        kernel = await server.start_kernel()
        source = BOT.read_text().replace("from __future__ import annotations", "import smallrtc_lab")
        await kernel.execute(f"{source}\nserving = smallrtc_lab.serve(bot)", timeout_s=60)
        await client.join(f"{server.url}smallrtc/sessions/bot/start", server.token, [1])
        await all_of(client, [1])
        await client.reconnects("page.cut()")
        await kernel.execute("serving.close()")
        await client.until("page.seen.some(one => one[0] === 'left')")
        await kernel.close()
    finally:
        left = server.stop()
        await context.close()
    assert left == []


@pytest.mark.soak
async def test_the_npm_client_in_firefox(address: str, tmp_path: Path) -> None:
    """The same with the runner, the token in the address, and a cut that ICE notices."""
    firefox = await Firefox(tmp_path / "firefox").start()
    try:
        page = await firefox.open(address)
        client = NpmClient(page.evaluate)
        async with running(tmp_path / "home", BOT, "--allow-origin", address) as runner:
            await runner.said(r"/client/\?token=")
            await client.join(f"{runner.root}start?token={TOKEN}", None)
            await all_of(client, None)
            await client.reconnects("page.cut()")
            await client.evaluate("page.client.disconnect()")
            await runner.stop()
    finally:
        await firefox.close()


async def all_of(client: NpmClient, body: object) -> None:
    """Everything the client can do while it is connected."""
    await client.sees()
    await client.hears()
    answer = await client.ask("sum", {"of": [1, 2]})
    assert answer[:2] == [{"of": [1, 2]}, body]
    await client.mutes()
    await client.shares_screen()
    await client.reconnects("page.client.sendClientMessage('renegotiate')")
