"""A Lab whose TURN credentials come from a source: asked in a thread of its own, handed to the engine as they come."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import Any

from smallrtc_lab.errors import SmallRTCError
from smallrtc_lab.ice import IceServerJson
from smallrtc_lab.turn.follow import Follower, where_of

from .access import Access

__all__ = ["CredentialFeed"]

_END_S = 1.0


class CredentialFeed:
    """Asks ``source`` while a Lab is open.

    ``opened_with`` are the options with which an engine that comes back is told of the session: the newest servers are
    kept there, in memory only.
    """

    def __init__(self, source: Callable[[], Any], access: Access, opened_with: dict[str, Any]) -> None:
        self._access = access
        self._where = where_of(source)
        self._opened_with = opened_with
        self._follower = Follower(source, got=self._got, failed=self._failed)
        self._loop = asyncio.new_event_loop()
        self._task: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._run, name="smallrtc turn credentials", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ask no more. A function of the person's that still runs then keeps its thread, and its answer is dropped."""
        if not self._loop.is_closed():
            with contextlib.suppress(RuntimeError):  # it was closed in this moment
                self._loop.call_soon_threadsafe(self._end)
        self._thread.join(_END_S)

    def _run(self) -> None:
        try:
            self._task = self._loop.create_task(self._follower.run())
            with contextlib.suppress(asyncio.CancelledError):
                self._loop.run_until_complete(self._task)
        finally:
            self._loop.close()

    def _end(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _got(self, servers: list[IceServerJson]) -> None:
        self._opened_with["ice_servers"] = servers
        self._tell(servers, None)

    def _failed(self, why: str) -> None:
        self._tell(None, f"{self._where} ({why})")

    def _tell(self, servers: list[IceServerJson] | None, failure: str | None) -> None:
        # An engine that is away gets them when the session is opened again.
        with contextlib.suppress(SmallRTCError):
            self._access.submit("ice_servers", ice_servers=servers, failure=failure)
