"""Bounded hand-over between two tasks of one event loop: what is not taken in time is dropped, and counted.

Both classes belong to one asyncio loop and are not thread-safe: from another thread hand over with
``loop.call_soon_threadsafe(queue.put, item)``. The waiting follows :class:`asyncio.Queue`: an item
stays in the queue until a waiting task really runs, so a cancelled ``get`` loses nothing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Generic, TypeVar

from smallrtc_lab.errors import ClosedError

__all__ = ["BoundedQueue", "LatestSlot"]

T = TypeVar("T")


class BoundedQueue(Generic[T]):
    """A first-in, first-out queue of at most ``maxsize`` items; ``put`` never waits and drops the oldest.

    ``dropped`` counts every item that was put and never taken: pushed out, left behind at ``close``, or
    put after it.
    """

    __slots__ = ("_closed", "_items", "_waiters", "dropped")

    def __init__(self, maxsize: int) -> None:
        if maxsize < 1:
            raise ValueError(f"maxsize is at least 1, got {maxsize}")
        self._items: deque[T] = deque(maxlen=maxsize)
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._closed = False
        self.dropped = 0

    @property
    def closed(self) -> bool:
        """Whether ``close`` was called."""
        return self._closed

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: T) -> None:
        """Append ``item``; when the queue is full the oldest one is dropped."""
        items = self._items
        if self._closed:
            self.dropped += 1
            return
        if len(items) == items.maxlen:
            self.dropped += 1
        items.append(item)
        if self._waiters:
            self._wake_next()

    def get_nowait(self) -> T | None:
        """The oldest item, or None when there is none (also after ``close``)."""
        return self._items.popleft() if self._items else None

    async def get(self) -> T:
        """The oldest item, waiting for one; raises :class:`ClosedError` when the queue is closed."""
        while not self._items:
            if self._closed:
                raise ClosedError("this stream was closed; open a new one")
            await self._wait()
        return self._items.popleft()

    def close(self) -> None:
        """Drop what is left and let every present and later ``get`` raise :class:`ClosedError`."""
        self._closed = True
        self.dropped += len(self._items)
        self._items.clear()
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._waiters.clear()

    async def _wait(self) -> None:
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter in self._waiters:
                self._waiters.remove(waiter)
            elif self._items:
                # Woken for an item and cancelled before taking it: the next in line shall have it.
                self._wake_next()
            raise

    def _wake_next(self) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return


class LatestSlot(BoundedQueue[T]):
    """A slot for the newest item: ``put`` replaces, and counts in ``dropped`` what was never taken."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(1)
