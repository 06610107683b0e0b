"""A session with relay sockets, and pages at their other ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

from smallrtc_lab.engine.relaying.sockets import RelaySockets
from smallrtc_lab.engine.session import Session

from .kernelend import KernelEnd
from .relaypage import RelayPage
from .waiting import until

__all__ = ["Place", "opened_place"]


class Place:
    """A session with relay sockets, and the wire between them and pages."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.pages: dict[str, RelayPage] = {}
        self.sockets = RelaySockets(self, session.reception.relay, session.reception.conversations)
        self.carried = 0
        self.cut = False

    def send(self, key: str, content: bytes) -> None:
        if not self.cut:
            asyncio.get_running_loop().call_soon(self.pages[key].take, content)

    def close(self, key: str, code: int, reason: str) -> None:
        self.pages[key].closed = (code, reason)

    def page(self, key: str = "k1", **options: Any) -> RelayPage:
        """A page whose socket is open."""

        def carry(content: bytes) -> None:
            self.carried += 1
            if not self.cut:
                self.sockets.received(key, content)

        self.pages[key] = RelayPage(carry, **options)
        self.sockets.opened(key)
        return self.pages[key]

    def record_events(self) -> list[tuple[str, dict[str, Any]]]:
        """What a program in the kernel would be told of the client from now on."""
        events: list[tuple[str, dict[str, Any]]] = []
        self.session.connection_event = (  # type: ignore[method-assign]
            lambda what, connection, **more: events.append((what, more))
        )
        return events

    def record_messages(self) -> list[Any]:
        """What the kernel would be told of messages from now on."""
        heard: list[Any] = []
        self.session.message = lambda message, sender: heard.append(message)  # type: ignore[method-assign]
        return heard

    async def live(self, **options: Any) -> RelayPage:
        """A page that is live."""
        page = self.page(**options)
        page.hello()
        async with asyncio.timeout(60):
            await page.welcomed.wait()
        page.start()
        await until(lambda: self.session.flow.state == "live")
        return page


@asynccontextmanager
async def opened_place() -> AsyncIterator[Place]:
    """Nobody has come yet; nothing runs afterwards."""
    kernel = KernelEnd()
    with ThreadPoolExecutor(2) as executor:
        place = Place(Session("s", {}, kernel.bridge, executor, lambda key, message: None))
        yield place
        for page in place.pages.values():
            await page.stop()
        await place.sockets.close()
        await place.session.close()
        await kernel.close()
    left = [task.get_name() for task in asyncio.all_tasks() if "relay" in task.get_name()]
    assert not left
