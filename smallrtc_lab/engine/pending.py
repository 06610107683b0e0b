"""Calls of the kernel that wait for their answer."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import Any

from smallrtc_lab import errors
from smallrtc_lab.errors import EngineError
from smallrtc_lab.framing import Header

__all__ = ["Answer", "PendingCalls"]

Answer = tuple[Any, bytes]


class PendingCalls:
    """Futures by number. Thread-safe; each call is settled exactly once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._futures: dict[int, Future[Answer]] = {}

    def begin(self, number: int) -> Future[Answer]:
        """A call was made."""
        future: Future[Answer] = Future()
        with self._lock:
            self._futures[number] = future
        return future

    def forget(self, number: int) -> None:
        """A call could not even be sent; whoever made it was told otherwise."""
        with self._lock:
            self._futures.pop(number, None)

    def answered(self, header: Header, payload: bytes) -> None:
        """The engine replied."""
        error = _as_error(header.get("error"))
        if error is not None:
            self.fail(header["id"], error)
        elif (future := self._take(header["id"])) is not None:
            future.set_result((header.get("result"), payload))

    def fail(self, number: int, error: Exception) -> None:
        """A call ended with an error."""
        future = self._take(number)
        if future is not None:
            future.set_exception(error)

    def fail_all(self, error: Exception) -> None:
        """The engine has gone."""
        for number in list(self._futures):
            self.fail(number, error)

    def _take(self, number: int) -> Future[Answer] | None:
        with self._lock:
            future = self._futures.pop(number, None)
        return future if future is not None and future.set_running_or_notify_cancel() else None


def _as_error(error: dict[str, str] | None) -> Exception | None:
    """The engine's exception, as the same class here."""
    if error is None:
        return None
    kind = getattr(errors, error["kind"], EngineError)
    if not (isinstance(kind, type) and issubclass(kind, errors.SmallRTCError)) or kind is errors.RequestError:
        kind = EngineError
    return kind(error["message"])
