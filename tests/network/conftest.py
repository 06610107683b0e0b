"""Real packets over a real, small network: two hosts and a router, made of network namespaces."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import async_playwright
from support import netpeers
from support.knownmedia import make_known_media
from support.matrix import Ground
from support.matrixnet import Internet, make_internet
from support.namespaces import Host, Network, make_network

DEADLINE_S = 60.0


@pytest.fixture
def network() -> Iterator[Network]:
    """Hosts a and b with a router between them."""
    with contextlib.ExitStack() as stack:
        try:
            made = stack.enter_context(make_network())
        except OSError as error:
            pytest.skip(f"NETWORK TESTS DO NOT RUN: they need root, or user namespaces. {error}")
        yield made


@pytest.fixture(scope="module")
def internet() -> Iterator[Internet]:
    """Hosts a and b, far from each other, with everything in between; one for all tests of a file."""
    with contextlib.ExitStack() as stack:
        try:
            made = stack.enter_context(make_internet())
        except OSError as error:
            pytest.skip(f"NETWORK TESTS DO NOT RUN: they need root, or user namespaces. {error}")
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ground(
    internet: Internet, tmp_path_factory: pytest.TempPathFactory, results_dir: Path
) -> AsyncIterator[Ground]:
    """A JupyterLab on host b, and browsers on any host; its tests are marked `asyncio(loop_scope="module")`."""
    media = make_known_media(tmp_path_factory.mktemp("media"))
    async with async_playwright() as driver:
        made = Ground(internet, driver, media, results_dir)
        try:
            await asyncio.to_thread(made.start)
            yield made
        finally:
            left = await made.close()
        assert not left, f"processes outlived JupyterLab: {left}"


class Peer:
    """One peer's process; `said` is everything it has told, `answer` the text of an engine's."""

    def __init__(self, host: Host, role: str, options: dict[str, Any], environment: dict[str, str]) -> None:
        program = Path(netpeers.__file__)
        self.process = host.popen(program, role, json.dumps(options), environment=environment)
        self.said: list[dict[str, Any]] = []
        self.answer = ""
        self._news = asyncio.Condition()
        self._reader = asyncio.ensure_future(self._read())

    def tell(self, **command: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()

    async def hear(
        self, wanted: Callable[[dict[str, Any]], Any], timeout_s: float = DEADLINE_S
    ) -> dict[str, Any]:
        """The first message for which `wanted` holds, however long ago; each is heard once."""
        async with asyncio.timeout(timeout_s), self._news:
            while True:
                for number, message in enumerate(self.said):
                    if wanted(message):
                        return self.said.pop(number)
                await self._news.wait()

    async def _read(self) -> None:
        assert self.process.stdout is not None
        while line := await asyncio.to_thread(self.process.stdout.readline):
            async with self._news:
                self.said.append(json.loads(line))
                self._news.notify_all()

    async def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            await asyncio.to_thread(self.process.wait, 15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        await self._reader


@contextlib.asynccontextmanager
async def meet(
    network: Network,
    *,
    ice_servers: list[Any] | None = None,
    page_ice_servers: list[Any] | None = None,
    **environment: str,
) -> AsyncIterator[tuple[Peer, Peer]]:
    """An engine's session on host a and a page on host b, offer and answer exchanged.

    Both have the same servers, unless the page reaches them by other addresses. `environment` is the engine's.
    """
    options = {"audio": {}, "video": False, "ice_servers": ice_servers}
    engine = Peer(network.a, "engine", options, environment)
    page = Peer(network.b, "page", {"ice_servers": page_ice_servers or ice_servers}, {})
    try:
        engine.tell(offer=(await page.hear(lambda m: "offer" in m))["offer"])
        engine.answer = (await engine.hear(lambda m: "answer" in m))["answer"]
        page.tell(answer=engine.answer)
        yield engine, page
    finally:
        await page.close()
        await engine.close()


@pytest.fixture
def wire() -> Any:
    """What the tests of this directory share."""
    return meet
