"""Messages of the browser, handed to a person's functions in the order they came."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from .access import Access
from .report import Report
from .worker import CallbackStopped, Worker

__all__ = ["MessageHandlers"]

Handler = Callable[[Any], Any]
_WAITING = 50


class MessageHandlers:
    """Functions for messages, by name: registering one of the same name replaces it. All run on one thread.

    Messages that come before there is any function wait for the first, 50 at most; what is more is counted and said.
    """

    def __init__(self, access: Access) -> None:
        self.worker = Worker("smallrtc messages", log=access.log)
        self._access = access
        self._handlers: dict[str, tuple[Handler, Report]] = {}
        self._waiting: deque[Any] = deque()
        self._unheard = 0

    def add(self, handler: Handler) -> Handler:
        """Call ``handler(message)`` with each message from now on, and with those that wait."""
        if not callable(handler):
            raise TypeError(f"a message handler is a function, not {type(handler).__name__}")
        name = getattr(handler, "__name__", "handler")
        self._handlers[name] = (handler, Report(name, self._access))
        self.worker.submit(self._handle_waiting)
        return handler

    def received(self, message: Any) -> None:
        """A message came; on the reader's thread."""
        if self.worker.submit(lambda: self._handle(message)):
            return
        self._say_dropped(
            f"{self.worker.dropped} messages were dropped: their handler is too slow.",
            "Do less in the handler, or send fewer messages.",
        )

    def _say_dropped(self, message: str, next_step: str) -> None:
        problem = {"code": "messages-unread", "message": message, "next_step": next_step}
        self._access.submit("problem", problem=problem)

    # The worker's thread

    def _handle(self, message: Any) -> None:
        if not self._handlers:
            self._keep(message)
            return
        self._handle_waiting()
        self._call(message)

    def _keep(self, message: Any) -> None:
        if len(self._waiting) < _WAITING:
            self._waiting.append(message)
            return
        self._unheard += 1
        if self._unheard in (1, 10, 100, 1000):
            self._say_dropped(
                f"{self._unheard} messages of the page were dropped: {_WAITING} wait already and nobody listens.",
                "Register a function with @lab.on_message.",
            )

    def _handle_waiting(self) -> None:
        while self._waiting:
            self._call(self._waiting.popleft())

    def _call(self, message: Any) -> None:
        for handler, report in list(self._handlers.values()):
            try:
                self.worker.call(handler, message)
            except (Exception, CallbackStopped) as error:  # noqa: BLE001 - a person's function: shown
                report.failed(error, meanwhile="the other handlers got the message")
