"""From the media loop to a thread that writes: bounded, and in batches, for to wake it costs more than its work."""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, TypeVar

__all__ = ["BatchQueue"]

T = TypeVar("T")


class BatchQueue(Generic[T]):
    """``put`` never waits; ``take`` waits until ``batch`` items are there, for ``patience_s`` at most. Thread-safe."""

    def __init__(self, limit: int, *, batch: int, patience_s: float) -> None:
        self._items: deque[T] = deque()
        self._limit = limit
        self._batch = batch
        self._patience_s = patience_s
        self._ready = threading.Event()
        self._taken = 0  # of the newest batch, what is not done

    def put(self, item: T) -> bool:
        """Queue it; False when there is no room."""
        if self.waiting >= self._limit:
            return False
        self._items.append(item)
        if len(self._items) >= self._batch:
            self._ready.set()
        return True

    def take(self) -> list[T]:
        """What there is by now, perhaps nothing; at once after :meth:`hurry`."""
        self._ready.wait(self._patience_s)
        self._ready.clear()
        self._taken = count = len(self._items)
        return [self._items.popleft() for _ in range(count)]

    def done(self) -> None:
        """One of the items that were taken is finished with."""
        self._taken -= 1

    def hurry(self) -> None:
        """Let who waits in ``take`` have what there is."""
        self._ready.set()

    @property
    def waiting(self) -> int:
        """Items that are not done yet."""
        return len(self._items) + self._taken
