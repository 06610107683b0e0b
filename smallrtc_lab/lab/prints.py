"""What a callback prints goes to the widget's log pane, not into whichever cell happens to run.

``sys.stdout`` is one for all threads, and a kernel puts what a thread prints under the cell that ran last
(jupyterlab#14925). While a callback runs a router stands in its place: on that callback's thread text goes to its
sink, on every other it goes where it went before.

A router is not freed when it is taken away again: in Python 3.11 ``print`` holds no reference of its own to
``sys.stdout`` (cpython#130163), and one that is under way in a cell would write to a freed object and end the kernel.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, TextIO

__all__ = ["LogPane", "PrintRouter", "Sink", "prints"]

Sink = Callable[[str], None]
_LINE_LIMIT = 2000
_KEPT = 16  # routers: two for the kernel's own streams, and of streams that cells redirected to the last few


class _Router:
    """Stands in for one standard stream; all but ``write`` on a thread with a sink is that stream's own."""

    def __init__(self, stream: TextIO, local: threading.local) -> None:
        self._stream = stream
        self._local = local

    def write(self, text: str) -> int:
        sink: _Lines | None = getattr(self._local, "lines", None)
        if sink is None:
            return self._stream.write(text)
        sink.write(text)
        return len(text)

    def flush(self) -> None:
        if getattr(self._local, "lines", None) is None:
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _Lines:
    """Collects text until a line is whole."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._rest = ""

    def write(self, text: str) -> None:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._sink(line[:_LINE_LIMIT])
        if len(self._rest) > _LINE_LIMIT:
            self.finish()

    def finish(self) -> None:
        if self._rest:
            self._sink(self._rest[:_LINE_LIMIT])
            self._rest = ""


class LogPane:
    """A sink for the widget's log pane: twenty lines a second, what is more is counted and said."""

    lines_a_second = 20

    def __init__(self, show: Sink) -> None:
        self._show = show
        self._second = 0
        self._shown = 0
        self._left_out = 0

    def __call__(self, line: str) -> None:
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._shown = second, 0
            if self._left_out:
                self._show(f"… {self._left_out} lines left out")
                self._left_out = 0
        if self._shown >= self.lines_a_second:
            self._left_out += 1
            return
        self._shown += 1
        self._show(line)


class PrintRouter:
    """Routes what is printed on some threads; in place only while somebody uses it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._local = threading.local()
        self._users = 0
        self._installed: dict[str, _Router] = {}
        self._kept: deque[_Router] = deque(maxlen=_KEPT)

    def _acquire(self) -> None:
        """One more user: stand in for the standard streams."""
        with self._lock:
            self._users += 1
            if self._users > 1:
                return
            for name in ("stdout", "stderr"):
                stream = getattr(sys, name)
                if isinstance(stream, _Router):  # somebody's redirection ended and put a former one back
                    stream = stream._stream
                self._installed[name] = self._router(stream)
                setattr(sys, name, self._installed[name])

    def _router(self, stream: TextIO) -> _Router:
        """The one of this stream, made once."""
        for kept in self._kept:
            if kept._stream is stream:
                return kept
        self._kept.append(router := _Router(stream, self._local))
        return router

    def _release(self) -> None:
        """One user less; after the last the streams are what they were, unless somebody replaced them since."""
        with self._lock:
            self._users -= 1
            if self._users:
                return
            for name, router in self._installed.items():
                if getattr(sys, name) is router:
                    setattr(sys, name, router._stream)
            self._installed.clear()

    @contextlib.contextmanager
    def to(self, sink: Sink) -> Iterator[None]:
        """What this thread prints inside goes to ``sink``, line by line."""
        self._acquire()
        lines = self._local.lines = _Lines(sink)
        try:
            yield
        finally:
            self._local.lines = None
            self._release()
            lines.finish()


prints = PrintRouter()  # the standard streams are the process's, so is their router
