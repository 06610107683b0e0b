"""What waits to be written to one WebSocket: bounded, in order, with a deadline for every write.

A full outbox first drops its oldest *droppable* messages (statistics, log lines) and counts them. What to do when
that makes no room is the owner's decision: a page is closed, a request waits for its turn.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import dataclass
from typing import Protocol

from .limits import Limits

__all__ = ["Outbox", "Wire"]

logger = logging.getLogger(__name__)


class Wire(Protocol):
    """One WebSocket, as the broker sees it."""

    async def send(self, message: str | bytes) -> None:
        """Returns when the socket has taken the message; raises ``ConnectionError`` when it is closed."""

    def close(self, code: int, reason: str) -> None:
        """Begin the closing handshake (RFC 6455, section 7)."""

    def abort(self) -> None:
        """Cut the connection."""

    async def wait_closed(self) -> None:
        """Returns when the connection has ended."""


@dataclass(frozen=True, eq=False)
class _Message:
    content: str | bytes
    droppable: bool


@dataclass(frozen=True)
class _Close:
    code: int
    reason: str


class Outbox:
    """The writing half of a WebSocket, with a task of its own."""

    def __init__(self, wire: Wire, limits: Limits, *, name: str) -> None:
        self.dropped = 0
        self.name = name
        self._wire = wire
        self._limits = limits
        self._queue: deque[_Message] = deque()
        self._queued_bytes = 0
        self._close: _Close | None = None
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"outbox {name}")

    @property
    def closing(self) -> bool:
        """Whether nothing more is taken."""
        return self._close is not None or self._task.done()

    def put(self, content: str | bytes, *, droppable: bool = False) -> bool:
        """Queue a message; False when there is no room for it even after dropping what may be dropped."""
        if self.closing:
            return True  # nobody is there to miss it, and the owner hears of the end anyway
        while self._is_full(len(content)) and self._drop_oldest():
            pass
        if self._is_full(len(content)):
            self.dropped += droppable
            return droppable
        self._append(_Message(content, droppable))
        return True

    async def put_in_turn(self, content: str | bytes) -> None:
        """Queue a message when there is room; the deadline of the write in progress bounds the wait."""
        while self._is_full(len(content)) and not self.closing:
            self._room.clear()
            await self._room.wait()
        if not self.closing:
            self._append(_Message(content, droppable=False))

    def close(self, code: int, reason: str) -> None:
        """Write what is queued, then close."""
        if self._close is None:
            self._close = _Close(code, reason)
            self._wake.set()
            self._room.set()

    async def ended(self, timeout_s: float) -> None:
        """Wait until the socket is closed; cut it after ``timeout_s``."""
        try:
            async with asyncio.timeout(timeout_s):
                await asyncio.wait((self._task,))
                await self._wire.wait_closed()
        except TimeoutError:
            self._wire.abort()
        self.stop()
        await asyncio.gather(self._task, return_exceptions=True)

    def stop(self) -> None:
        """The socket is gone: nothing more is written."""
        self._task.cancel()
        self._room.set()

    def _append(self, message: _Message) -> None:
        self._queue.append(message)
        self._queued_bytes += len(message.content)
        self._wake.set()

    def _is_full(self, more_bytes: int) -> bool:
        # A message larger than the whole queue may still go alone, else it could never be sent.
        return bool(self._queue) and (
            len(self._queue) >= self._limits.max_queue_messages
            or self._queued_bytes + more_bytes > self._limits.max_queue_bytes
        )

    def _drop_oldest(self) -> bool:
        oldest = next((message for message in self._queue if message.droppable), None)
        if oldest is None:
            return False
        self._queue.remove(oldest)
        self._queued_bytes -= len(oldest.content)
        self.dropped += 1
        return True

    async def _run(self) -> None:
        try:
            while True:
                while self._queue:
                    await self._write_next()
                if self._close is not None:
                    return self._wire.close(self._close.code, self._close.reason)
                self._wake.clear()
                await self._wake.wait()
        except TimeoutError:
            logger.warning("%s took nothing for %g s and is cut", self.name, self._limits.write_timeout_s)
            self._wire.abort()
        except ConnectionError:
            pass  # the reading side of the same socket ends too, and reports it
        finally:
            self._room.set()

    async def _write_next(self) -> None:
        message = self._queue.popleft()
        self._queued_bytes -= len(message.content)
        self._room.set()
        async with asyncio.timeout(self._limits.write_timeout_s):
            await self._wire.send(message.content)
