"""Messages of the browser, handed to a person's functions in the order they came."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .access import Access
from .report import Report
from .worker import CallbackStopped, Worker

__all__ = ["MessageHandlers"]

Handler = Callable[[Any], Any]


class MessageHandlers:
    """Functions for messages, by name: registering one of the same name replaces it. All run on one thread."""

    def __init__(self, access: Access) -> None:
        self.worker = Worker("smallrtc messages", log=access.log)
        self._access = access
        self._handlers: dict[str, tuple[Handler, Report]] = {}

    def add(self, handler: Handler) -> Handler:
        """Call ``handler(message)`` with each message from now on."""
        if not callable(handler):
            raise TypeError(f"a message handler is a function, not {type(handler).__name__}")
        name = getattr(handler, "__name__", "handler")
        self._handlers[name] = (handler, Report(name, self._access))
        return handler

    def received(self, message: Any) -> None:
        """A message came; on the reader's thread."""
        if self.worker.submit(lambda: self._handle(message)):
            return
        problem = {
            "code": "messages-unread",
            "message": f"{self.worker.dropped} messages were dropped: their handler is too slow.",
            "next_step": "Do less in the handler, or send fewer messages.",
        }
        self._access.submit("problem", problem=problem)

    def _handle(self, message: Any) -> None:
        for handler, report in list(self._handlers.values()):
            try:
                self.worker.call(handler, message)
            except (Exception, CallbackStopped) as error:  # noqa: BLE001 - border: a person's function; shown under its cell and in the widget
                report.failed(error, meanwhile="the other handlers got the message")
