"""Pipecat's npm client, unmodified, in a page of another origin: bundled here, served here, driven from here."""

from __future__ import annotations

import asyncio
import functools
import http.server
import json
import shutil
import subprocess
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .node import node, npm_script

__all__ = ["BOT", "NpmClient", "npm_page"]

CLIENTS = Path(__file__).parents[1] / "clients"
BOT = CLIENTS / "bot.py"
INVERTED = (55, 195, 225)  # of the camera's picture
SCREEN = (20, 120, 220)
HTML = """<!doctype html><meta charset="utf-8"><title>client</title><p>Here.</p>
<script type="module" src="page.js"></script>"""
DEADLINE_S = 60.0


@contextmanager
def npm_page(directory: Path) -> Iterator[str]:
    """The page's address, on a port of its own, so of another origin than any server that is tested."""
    build(directory)
    handler = functools.partial(_Quiet, directory=str(directory))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://localhost:{server.server_port}"
        server.shutdown()
        thread.join()


def build(directory: Path) -> None:
    """Install what the lock file names, bundle the page into `directory`."""
    directory.mkdir()
    for name in ("package.json", "package-lock.json", ".npmrc", "page.js"):
        shutil.copy(CLIENTS / name, directory)
    _run(str(npm_script()), "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=directory)
    bundling = ("node_modules/esbuild/bin/esbuild", "page.js", "--bundle", "--format=esm")
    _run(*bundling, "--outfile=page.js", "--allow-overwrite", cwd=directory)
    (directory / "index.html").write_text(HTML)


class NpmClient:
    """The client in an open page; `evaluate` is how that browser runs JavaScript."""

    def __init__(self, evaluate: Callable[[str], Awaitable[Any]]) -> None:
        self.evaluate = evaluate

    async def join(self, endpoint: str, token: str | None, body: Any = None) -> Any:
        """Start, connect, and be told that the bot is ready; what the bot said of itself."""
        given = ", ".join(json.dumps(one) for one in (endpoint, token, body))
        return await self.evaluate(f"page.join({given})")

    async def ask(self, kind: str, value: Any) -> Any:
        """A request of the application's, and its answer."""
        return await self.evaluate(f"page.client.sendClientRequest({json.dumps(kind)}, {json.dumps(value)})")

    async def until(self, expression: str) -> None:
        """Ask ten times a second until it is true; AssertionError that says what was instead."""
        end_s = time.monotonic() + DEADLINE_S
        while await self.evaluate(expression) is not True:
            if time.monotonic() > end_s:
                now = await self.evaluate(
                    "({seen: page.seen.slice(-9), colour: page.remote?.colour(), toneHz: page.remote?.toneHz(),"
                    " answers: page.answers, peers: page.peers.map(peer => peer.iceConnectionState)})"
                )
                raise AssertionError(f"not true in the page: {expression}; {now}")
            await asyncio.sleep(0.1)

    async def sees(self, colour: tuple[int, int, int] = INVERTED) -> None:
        """Wait for a picture of this colour; two browsers and a decoder do not agree on what RGB is."""
        await self.until(
            f"(page.remote.colour() ?? [999]).every((part, i) => Math.abs(part - {list(colour)}[i]) < 40)"
        )

    async def hears(self, *, silence: bool = False) -> None:
        """Wait for the tone, or for none."""
        wanted = "=== 0" if silence else "> 640 && page.remote.toneHz() < 680"
        await self.until(f"page.remote.toneHz() {wanted}")

    async def told(self, value: Any) -> None:
        """Wait until the bot has said this since the last time."""
        text = json.dumps(json.dumps(["server", value], separators=(",", ":")))
        await self.until(f"page.seen.some(one => JSON.stringify(one) === {text})")

    async def shares_screen(self) -> None:
        """Share it, and wait until the bot has seen its colour."""
        await self.evaluate("page.client.enableScreenShare(true)")
        near = f"one[1].screen?.every((part, i) => Math.abs(part - {list(SCREEN)}[i]) < 40)"
        await self.until(f"page.seen.some(one => one[0] === 'server' && {near})")
        await self.evaluate("page.client.enableScreenShare(false)")
        await self.told({"switched": [2, False]})

    async def mutes(self) -> None:
        """Switch the microphone off and on again: silence between, and the bot is told."""
        await self.evaluate("(page.seen.length = 0, page.client.enableMic(false))")
        await self.told({"switched": [0, False]})
        await self.hears(silence=True)
        await self.evaluate("page.client.enableMic(true)")
        await self.told({"switched": [0, True]})
        await self.hears()

    async def reconnects(self, how: str) -> None:
        """Do that, and wait until a new offer was answered and everything flows again."""
        answers = await self.evaluate("page.answers")
        await self.evaluate(how)
        await self.until(f"page.answers > {answers} && page.peers.at(-1).connectionState === 'connected'")
        await self.sees()
        await self.hears()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Nothing of every request."""


def _run(*arguments: str, cwd: Path) -> None:
    done = subprocess.run(
        [node(), *arguments], cwd=cwd, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
