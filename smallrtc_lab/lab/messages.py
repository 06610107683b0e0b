"""Messages of the browser, handed to a person's functions in the order they came."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from .access import Access
from .report import Report
from .signatures import identity, name_of
from .worker import Worker

__all__ = ["MessageHandlers"]

Handler = Callable[[Any], Any]
_WAITING = 50
_STUCK_S = 3.0


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
        self._running: Report | None = None  # of the function that runs now
        self._stuck: Report | None = None

    def add(self, handler: Handler) -> Handler:
        """Call ``handler(message)`` with each message from now on, and with those that wait."""
        if not callable(handler):
            raise TypeError(f"a message handler is a function, not {type(handler).__name__}")
        self._handlers[identity(handler)] = (handler, Report(name_of(handler), self._access))
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

    def watch_stuck(self) -> None:
        """Called now and then: a function that does not return is stopped, or named with what to do."""
        report, seconds = self._running, self.worker.busy_s
        if self._stuck is not None and (report is not self._stuck or seconds < _STUCK_S):
            self._stuck.stuck(0, self.worker)
            self._stuck = None
        if report is not None and seconds >= _STUCK_S:
            self._stuck = report
            report.stuck(seconds, self.worker, others_wait=True)

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
            self._running = report
            try:
                self.worker.call(handler, message)
            except BaseException as error:  # noqa: BLE001 - border: a person's function, exit() in it, too; shown
                report.failed(error, meanwhile="the other handlers got the message")
            finally:
                self._running = None
