"""A tab of Chromium or of Firefox that runs on a given host: the same few words for both."""

from __future__ import annotations

import asyncio
import contextlib
import stat
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Protocol

from playwright.async_api import Browser, CDPSession, Page, Playwright

from .chromium import chromium_path, launch_chromium
from .firefox import Firefox
from .jupyter import free_port
from .knownmedia import KnownMedia
from .labview import WATCH_MEDIA
from .matrixtunnel import tunnel
from .namespaces import Host

__all__ = ["Chromium", "ChromiumTab", "FirefoxOnHost", "OnHost", "Tab"]


class Tab(Protocol):
    """As :class:`~.firefox.FirefoxPage` is."""

    async def evaluate(self, expression: str, *, gesture: bool = False) -> Any: ...
    async def wait_true(self, expression: str, timeout_s: float = 60.0) -> float: ...
    async def click(self, element: str) -> None: ...
    async def screenshot(self, path: Path) -> None: ...


class OnHost(Protocol):
    """A browser that runs on one host of a network; each `open` is a new person without a past."""

    name: str
    known_picture: bool

    def open(
        self, url: str, *, accept: bool = True, arguments: tuple[str, ...] = ()
    ) -> contextlib.AbstractAsyncContextManager[Tab]: ...
    async def close(self) -> None: ...


class ChromiumTab:
    """One page of Playwright's. Nothing here counts as a gesture but `click`."""

    def __init__(self, page: Page, session: CDPSession) -> None:
        self.page = page
        self.session = session

    async def evaluate(self, expression: str, *, gesture: bool = False) -> Any:
        """The value of a JavaScript expression, awaited; AssertionError when it throws."""
        options = {"userGesture": gesture, "awaitPromise": True, "returnByValue": True}
        answer = await self.session.send("Runtime.evaluate", {"expression": expression} | options)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    async def wait_true(self, expression: str, timeout_s: float = 60.0) -> float:
        """Ask ten times a second until an expression is true; the seconds that took. TimeoutError else."""
        begun = time.monotonic()
        while await self.evaluate(expression) is not True:
            if time.monotonic() > begun + timeout_s:
                raise TimeoutError(f"after {timeout_s} s not true in the page: {expression}")
            await asyncio.sleep(0.1)
        return time.monotonic() - begun

    async def click(self, element: str) -> None:
        """Click the middle of the element that a JavaScript expression gives, as a hand does."""
        where = f"""(element => {{
          element.scrollIntoView({{ block: 'center' }})
          const {{ left, top, width, height }} = element.getBoundingClientRect()
          return [left + width / 2, top + height / 2]
        }})({element})"""
        await self.page.mouse.click(*await self.evaluate(where))

    async def screenshot(self, path: Path) -> None:
        """Save a picture of the page."""
        await self.page.screenshot(path=path)


class Chromium:
    """Debian's, started on `host`; `accept=False` asks for permission, as for a person, and nobody gives it."""

    name = "Chromium"
    known_picture = True

    def __init__(self, playwright: Playwright, host: Host, media: KnownMedia, directory: Path) -> None:
        self.playwright = playwright
        self.host = host
        self.media = media
        self.directory = directory
        self.browsers: dict[tuple[bool, tuple[str, ...]], Browser] = {}

    @contextlib.asynccontextmanager
    async def open(
        self, url: str, *, accept: bool = True, arguments: tuple[str, ...] = ()
    ) -> AsyncIterator[Tab]:
        """A page of a context of its own, closed afterwards; the browser itself goes on.

        `arguments` of the command line make another browser.
        """
        kind = (accept, arguments)
        if kind not in self.browsers:
            self.browsers[kind] = await launch_chromium(
                self.playwright,
                self.media,
                accept=accept,
                executable=self._entering(),
                arguments=("--no-sandbox", *arguments),
            )
        context = await self.browsers[kind].new_context(viewport={"width": 1280, "height": 1000})
        try:
            context.set_default_timeout(60_000)
            await context.add_init_script(WATCH_MEDIA)
            page = await context.new_page()
            await page.goto(url)
            yield ChromiumTab(page, await context.new_cdp_session(page))
        finally:
            await context.close()

    async def close(self) -> None:
        """End it."""
        for browser in self.browsers.values():
            await browser.close()

    def _entering(self) -> Path:
        """What Playwright is to start in the place of the browser: it is started on the host."""
        script = self.directory / f"chromium-{self.host.keeper.pid}"
        if not script.exists():
            script.write_text(f'#!/bin/sh\nexec {" ".join(self.host.enter)} {chromium_path()} "$@"\n')
            script.chmod(script.stat().st_mode | stat.S_IXUSR)
        return script


class FirefoxOnHost:
    """Debian's Firefox on `host`; its own fake camera changes its colour, and its tone has 1000 Hz."""

    name = "Firefox"
    known_picture = False

    def __init__(self, host: Host, directory: Path) -> None:
        self.host = host
        self.directory = directory
        self.count = 0

    @contextlib.asynccontextmanager
    async def open(
        self, url: str, *, accept: bool = True, arguments: tuple[str, ...] = ()
    ) -> AsyncIterator[Tab]:
        """A new browser with one page at this address, closed afterwards."""
        self.count += 1
        port = free_port()
        place = self.directory / f"firefox-{self.host.keeper.pid}-{self.count}"
        firefox = Firefox(place, accept=accept, enter=self.host.enter, port=port)
        with tunnel(None, self.host, port):
            try:
                await firefox.start()
                await firefox.call(
                    "script.addPreloadScript", functionDeclaration=f"() => {{ {WATCH_MEDIA} }}"
                )
                yield await firefox.open(url)
            finally:
                await firefox.close()

    async def close(self) -> None:
        """Nothing goes on behind a page."""
