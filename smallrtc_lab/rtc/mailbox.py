"""Events of one connection, delivered in the order they happened.

aiortc calls back from the middle of its own work; handlers may await. So events are posted without waiting
and one task delivers them. The mailbox is bounded: a handler that hangs cannot fill the memory.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Any

from smallrtc_lab.events import EventEmitter

__all__ = ["Mailbox"]

logger = logging.getLogger(__name__)

MAX_WAITING = 1000
DRAIN_S = 2.0


class Mailbox:
    """Delivers events to the handlers of ``emitter``, each with ``source`` as the first argument."""

    def __init__(self, emitter: EventEmitter, source: object) -> None:
        self._emitter = emitter
        self._source = source
        self._waiting: deque[tuple[str, tuple[Any, ...]]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._held = False
        self.dropped = 0

    def post(self, name: str, *args: Any, droppable: bool = False) -> bool:
        """Queue an event; a ``droppable`` one is refused, and counted, when too many wait."""
        if droppable and len(self._waiting) >= MAX_WAITING:
            self.dropped += 1
            return False
        self._waiting.append((name, args))
        self._start()
        return True

    def hold(self) -> None:
        """Deliver nothing until ``release``, so that handlers can be registered first."""
        self._held = True

    def release(self) -> None:
        """Deliver what waits, and whatever comes."""
        self._held = False
        self._start()

    async def drain(self) -> None:
        """Wait until everything was delivered; a handler that hangs longer than two seconds is cancelled.

        Called from within a handler it returns at once: the rest follows when that handler is done.
        """
        self.release()
        task = self._task
        if task is None or task is asyncio.current_task():
            return
        await asyncio.wait({task}, timeout=DRAIN_S)
        if not task.done():
            logger.error("a handler did not return within %.0f s while its connection closed", DRAIN_S)
            task.cancel()
            await asyncio.wait({task}, timeout=DRAIN_S)
            await asyncio.wait_for(self._deliver(), DRAIN_S)

    def _start(self) -> None:
        if self._waiting and not self._held and (self._task is None or self._task.done()):
            self._task = asyncio.get_running_loop().create_task(self._deliver())

    async def _deliver(self) -> None:
        while self._waiting and not self._held:
            name, args = self._waiting.popleft()
            await self._emitter.emit(name, self._source, *args)
