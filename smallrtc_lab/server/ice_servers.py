"""The STUN and TURN servers that this Jupyter server hands out, whose credentials may be short-lived.

They come from up to four places, in this order: the setting ``ice_servers`` as it is; its TURN servers without a user,
with credentials made of ``turn_secret``; ``turn_credentials_url`` and ``turn_credentials``; and ``smallrtc-lab turn``
while it runs on this machine. Whoever needs servers gets those of now, and engines are told when they change.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from smallrtc_lab.ice import IceServerJson
from smallrtc_lab.turn.follow import Follower, where_of
from smallrtc_lab.turn.local import LocalTurn
from smallrtc_lab.turn.sources import shared_secret

__all__ = ["IceServerList", "with_secret"]

logger = logging.getLogger(__name__)

Source = Callable[[], Any]


def with_secret(servers: list[IceServerJson], secret: str) -> tuple[list[IceServerJson], list[Source]]:
    """What of ``servers`` is complete, and a source for the TURN servers that have no user name."""
    if not secret:
        return servers, []
    bare = [server for server in servers if "username" not in server and _relays(server)]
    urls = [url for server in bare for url in server["urls"] if url.startswith("turn")]
    rest = [{"urls": [url for url in server["urls"] if not url.startswith("turn")]} for server in bare]
    whole = [server for server in servers if server not in bare] + [one for one in rest if one["urls"]]
    return whole, [shared_secret(urls, secret)] if urls else []


class IceServerList:
    """``current`` is what is handed out. ``changed(servers, failure)`` is called on the loop with every change.

    ``servers`` is None when only ``failure`` is new: why a source gave nothing, a sentence without a secret.
    """

    def __init__(
        self,
        fixed: list[IceServerJson],
        sources: list[Source],
        local: LocalTurn,
        changed: Callable[[list[IceServerJson] | None, str | None], None],
    ) -> None:
        self._fixed = fixed
        self._sources = sources
        self._given: list[list[IceServerJson]] = [[] for _ in sources]
        self._failures: list[str | None] = [None for _ in sources]
        self._local = local
        self._changed = changed
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def current(self) -> list[IceServerJson]:
        """All servers of this moment."""
        return [*self._fixed, *(server for given in self._given for server in given), *self._local.servers]

    @property
    def failure(self) -> str | None:
        """Why a source gave nothing when it was asked last."""
        return next((failure for failure in self._failures if failure is not None), None)

    def start(self) -> None:
        """Ask the sources, from now until the end."""
        for number, source in enumerate(self._sources):
            follower = Follower(source, got=self._taker(number), failed=self._failer(number, source))
            task = asyncio.get_running_loop().create_task(follower.run(), name="turn credentials")
            self._tasks.append(task)
        self.look()

    def look(self) -> None:
        """Somebody is about to need servers: see whether ``smallrtc-lab turn`` came or went. Quick."""
        if self._local.look():
            self._changed(self.current, self.failure)

    async def close(self) -> None:
        """Ask no more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _taker(self, number: int) -> Callable[[list[IceServerJson]], None]:
        def took(servers: list[IceServerJson]) -> None:
            self._given[number], self._failures[number] = servers, None
            self._changed(self.current, self.failure)

        return took

    def _failer(self, number: int, source: Source) -> Callable[[str], None]:
        def failed(why: str) -> None:
            self._failures[number] = failure = f"{where_of(source)} ({why})"
            logger.warning("no TURN credentials from %s; it is tried again", failure)
            self._changed(None, self.failure)

        return failed


def _relays(server: IceServerJson) -> bool:
    return any(url.startswith("turn") for url in server["urls"])
