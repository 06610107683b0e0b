"""Iterators over a live stream, for ``for`` and ``async for``."""

from __future__ import annotations

import asyncio
import queue
import time
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from smallrtc_lab.errors import ClosedError, StreamTimeout
from smallrtc_lab.framing import Header

from .access import Access

__all__ = ["Puller"]

T = TypeVar("T")


class Puller(Generic[T]):
    """Takes items of one subscription as the loop asks for them; ``timeout_s`` is the longest gap.

    Ends its subscription when it is closed, left by ``with``, or no longer referred to (a ``break``).
    Raises :class:`StreamTimeout` when nothing comes for that long, :class:`ClosedError` when its lab is closed.
    """

    def __init__(self, access: Access, kind: str, timeout_s: float, **request: Any) -> None:
        self._access = access
        self._timeout_s = timeout_s
        self._items: queue.SimpleQueue[tuple[Header, bytes] | None] = (
            queue.SimpleQueue()
        )  # None: the lab is closed
        self._held: Header | None = None
        items = (
            self._items
        )  # no reference to self in the delivery, else dropping the iterator would not end it
        self.dropped = 0
        self._number: int | None = None
        self._unwatch: Callable[[], None] = lambda: None
        access.mirror.require_live()
        self._number = access.subscribe(
            kind, lambda header, payload: items.put((header, payload)), processor=None, **request
        )
        self._unwatch = access.mirror.watch(lambda state: items.put(None) if state == "closed" else None)

    def _item(self, header: Header, payload: bytes) -> T:
        raise NotImplementedError

    def __iter__(self) -> Puller[T]:
        return self

    def __next__(self) -> T:
        if self._number is None:
            raise StopIteration
        try:
            return self._take(self._items.get(timeout=self._timeout_s))
        except queue.Empty:
            raise self._too_long() from None
        except KeyboardInterrupt:  # its traceback keeps this iterator alive, which therefore ends here
            self.close()
            raise

    def __aiter__(self) -> Puller[T]:
        return self

    async def __anext__(self) -> T:
        if self._number is None:
            raise StopAsyncIteration
        loop = asyncio.get_running_loop()
        deadline_s = time.monotonic() + self._timeout_s
        while time.monotonic() < deadline_s:
            # Short waits, so that a cancelled loop leaves no thread behind that waits for the whole gap.
            try:
                item = await loop.run_in_executor(None, lambda: self._items.get(timeout=0.25))
            except queue.Empty:
                continue
            return self._take(item)
        raise self._too_long()

    def close(self) -> None:
        """End the subscription."""
        number, self._number = self._number, None
        self._unwatch()
        if number is None:
            return
        items, client = self._items, self._access.client

        def give_back() -> None:
            while not items.empty():
                item = items.get()
                if item is not None and "slot" in item[0]:
                    client.free(item[0])

        self._access.unsubscribe(number, give_back)

    def __enter__(self) -> Puller[T]:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    def _take(self, found: tuple[Header, bytes] | None) -> T:
        if found is None:
            self.close()
            raise ClosedError("this lab was closed; make a new Lab()")
        header, payload = found
        try:
            item = self._item(header, payload)
        finally:
            self._access.done(header["subscription"], header)
        self.dropped = header["dropped"]
        return item

    def _too_long(self) -> StreamTimeout:
        state = self._access.mirror["state"]
        self.close()
        return StreamTimeout(f"nothing came for {self._timeout_s:g} s; the lab is {state}")
