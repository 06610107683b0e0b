"""Encoded pieces from an encoder's thread to one reader's loop: bounded, and nobody waits for a slow reader."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable

from smallrtc_lab.errors import ClosedError

from .encoders import Encoded

__all__ = ["PacketQueue"]


class PacketQueue:
    """``put`` and ``close`` from any thread, ``get`` on one loop, by one reader.

    Nothing is kept before the first ``get``. A reader for whom ``limit`` pieces wait has stalled: they are dropped, and
    it goes on with a keyframe that comes after its next ``get``; ``ask_keyframe`` is called there, on its loop.
    ``dropped`` counts pieces, ``stalls`` how often that happened.
    """

    def __init__(self, limit: int, ask_keyframe: Callable[[], None]) -> None:
        self.dropped = 0
        self.stalls = 0
        self._limit = limit
        self._ask_keyframe = ask_keyframe
        self._lock = threading.Lock()
        self._items: deque[Encoded] = deque()
        self._reading = False
        self._decodable = False  # what the reader has is all that the next piece needs
        self._closed = False
        self._waiter: asyncio.Future[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake_due = False

    @property
    def reading(self) -> bool:
        """Whether somebody reads, and keeps up."""
        return self._reading and not self._closed

    def put(self, piece: Encoded) -> None:
        """Hand on a piece, unless nobody reads or it could not be decoded."""
        with self._lock:
            if not self.reading or not (self._decodable or piece.keyframe):
                return
            if len(self._items) >= self._limit:
                self._stall()
                return
            self._decodable = True
            self._items.append(piece)
            self._wake_reader()

    async def get(self) -> Encoded:
        """The next piece; raises :class:`ClosedError` at the end, ``RuntimeError`` for a second reader."""
        while True:
            with self._lock:
                if self._closed:
                    raise ClosedError("this stream was closed; open a new one")
                if self._items:
                    return self._items.popleft()
                waiter = self._begin_to_wait()
                undecodable = not self._decodable
            if undecodable:
                self._ask_keyframe()
            try:
                await waiter
            finally:
                with self._lock:
                    self._waiter = None

    def close(self) -> None:
        """Drop what is left; whoever waits gets :class:`ClosedError`."""
        with self._lock:
            self._closed = True
            self.dropped += len(self._items)
            self._items.clear()
            self._wake_reader()

    def _begin_to_wait(self) -> asyncio.Future[None]:
        if self._waiter is not None:
            raise RuntimeError("a track is read by one connection: make another one for the next")
        self._loop = asyncio.get_running_loop()
        self._reading = True
        self._waiter = self._loop.create_future()
        return self._waiter

    def _stall(self) -> None:
        self.stalls += 1
        self.dropped += len(self._items) + 1
        self._items.clear()
        self._reading = self._decodable = False

    def _wake_reader(self) -> None:
        """One call into the reader's loop at a time: a loop that stands still gathers none."""
        if self._waiter is None or self._wake_due or self._loop is None:
            return
        try:
            self._loop.call_soon_threadsafe(self._wake)
            self._wake_due = True
        except RuntimeError:  # the loop has ended, and its reader with it
            self._closed = True

    def _wake(self) -> None:
        with self._lock:
            self._wake_due = False
            if self._waiter is not None and not self._waiter.done():
                self._waiter.set_result(None)
