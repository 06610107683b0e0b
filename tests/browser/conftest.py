"""A real JupyterLab and a real Chromium whose camera and microphone play known files.

All tests and fixtures here share one event loop, because Playwright's objects belong to the loop they were
made in: an async fixture in this room is made with `@pytest_asyncio.fixture(loop_scope="session")`.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Playwright, async_playwright, expect
from support import chromium as debian
from support.jupyter import JupyterServer
from support.knownmedia import KnownMedia, make_known_media
from support.labview import WATCH_MEDIA
from support.notebookpage import NotebookPage

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run this room's tests in one loop."""
    for item in items:
        if HERE in item.path.parents and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.fixture(scope="session")
def known_media(tmp_path_factory: pytest.TempPathFactory) -> KnownMedia:
    """The files that Chromium plays as its camera and microphone, and what is in them."""
    return make_known_media(tmp_path_factory.mktemp("media"))


@pytest.fixture(scope="session")
def jupyter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterServer]:
    """One JupyterLab for this room, the extension enabled; nothing it started may outlive it."""
    options = ("--ServerApp.allow_remote_access=True", "--ServerApp.log_level=DEBUG")
    server = JupyterServer(tmp_path_factory.mktemp("jupyterlab"), arguments=options).start()
    yield server
    left = server.stop()
    assert not left, f"processes outlived JupyterLab: {left}"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def playwright() -> AsyncIterator[Playwright]:
    """Playwright's driver; what a test expects may take a minute, for other people's work slows the machine down."""
    expect.set_options(timeout=60_000)
    async with async_playwright() as driver:
        yield driver


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium(playwright: Playwright, known_media: KnownMedia) -> AsyncIterator[Browser]:
    """Chromium with known camera and microphone, every permission granted."""
    browser = await debian.launch_chromium(playwright, known_media)
    yield browser
    await browser.close()


LaunchChromium = Callable[..., Awaitable[Browser]]


@pytest_asyncio.fixture(loop_scope="session")
async def launch_chromium(playwright: Playwright, known_media: KnownMedia) -> AsyncIterator[LaunchChromium]:
    """A function that starts another Chromium for this test: `await launch_chromium("--flag", accept=False)`.

    `media=None` takes camera and microphone away.
    """
    browsers: list[Browser] = []

    async def launch(*arguments: str, accept: bool = True, media: KnownMedia | None = known_media) -> Browser:
        browser = await debian.launch_chromium(playwright, media, accept=accept, arguments=arguments)
        browsers.append(browser)
        return browser

    yield launch
    for browser in browsers:
        await browser.close()


OpenNotebook = Callable[..., Awaitable[NotebookPage]]


@pytest_asyncio.fixture(loop_scope="session")
async def open_notebook(
    request: pytest.FixtureRequest,
    jupyter: JupyterServer,
    chromium: Browser,
    results_dir: Path,
    failed: Callable[[], bool],
) -> AsyncIterator[OpenNotebook]:
    """A function that opens a notebook in JupyterLab and waits for its kernel.

    `await open_notebook(["print(1)", "..."], name="x.ipynb", browser=None, server=None, **context_options)`;
    `cells` may be the path of a notebook that exists already, and `host` is the server's name in the address
    bar when it is not 127.0.0.1. After the test the page and its kernel are closed, nothing the kernel started
    may be left, and a failed test leaves a screenshot and the server's log in `test-results/`.
    """
    pages: list[NotebookPage] = []
    test = re.sub(r"\W+", "-", request.node.name)

    async def open_one(
        cells: list[str] | str,
        *,
        name: str | None = None,
        browser: Browser | None = None,
        server: JupyterServer | None = None,
        host: str | None = None,
        **context_options: Any,
    ) -> NotebookPage:
        place = server or jupyter
        name = name or f"{test}-{len(pages)}.ipynb"
        path = cells if isinstance(cells, str) else place.write_notebook(name, cells)
        options = {"viewport": {"width": 1280, "height": 1000}} | context_options
        context = await (browser or chromium).new_context(**options)
        context.set_default_timeout(60_000)
        await context.add_init_script(WATCH_MEDIA)
        notebook = NotebookPage(place, context, await context.new_page(), path, results_dir, host)
        pages.append(notebook)
        notebook.watch()
        return await notebook.open()

    yield open_one
    for number, notebook in enumerate(pages):
        if failed():
            await notebook.leave_evidence(f"{test}-{number}")
        await notebook.close()
    for server in {page.server for page in pages}:
        left = server.family.end(20.0, but=server.standing())  # the next test is not to fail for it, too
        assert not left, f"processes outlived their kernel: {left}"
