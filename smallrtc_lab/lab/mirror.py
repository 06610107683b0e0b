"""The kernel's view of a session, kept up to date by the engine's events and readable from any thread at any time.

The traits of a Lab read from here, therefore they are true also while a cell keeps the main loop busy.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

from smallrtc_lab.errors import ClosedError, ConnectionFailed, NotLiveError, StreamTimeout

__all__ = ["Mirror"]

Changed = Callable[[str, Any, Any], None]

_INITIAL: dict[str, Any] = {
    "state": "idle",
    "route": None,
    "error": None,
    "level_db": None,
    "fps": 0.0,
}


class Mirror:
    """Thread-safe. ``changed(name, old, new)`` is called in the thread that brought the change."""

    def __init__(self, changed: Changed) -> None:
        self._changed = changed
        self._condition = threading.Condition()
        self._values = dict(_INITIAL)
        self._watchers: list[Callable[[str], object]] = []
        self.settings: dict[str, Any] = {"audio": None, "video": None, "screen": None}
        self.problems: dict[str, dict[str, Any]] = {}
        self.by_comm = False  # pages speak through the notebook: a cell that waits may keep them from it
        self.listening: bool | None = None  # whether what Python sends is heard; None: no page has said

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def update(self, **values: Any) -> None:
        """Take new values and tell who waits or watches."""
        with self._condition:
            changes = [(n, self._values[n], v) for n, v in values.items() if self._values[n] != v]
            self._values.update(values)
            watchers = list(self._watchers)
            self._condition.notify_all()
        for name, old, new in changes:
            self._changed(name, old, new)
        if any(name == "state" for name, _, _ in changes):
            for watcher in watchers:
                watcher(self._values["state"])

    def watch(self, watcher: Callable[[str], object]) -> Callable[[], None]:
        """Call ``watcher(state)`` at each change of state, in the thread that brings it; returns the undo."""
        with self._condition:
            self._watchers.append(watcher)

        def undo() -> None:
            with self._condition:
                if watcher in self._watchers:
                    self._watchers.remove(watcher)

        return undo

    def require_live(self) -> None:
        """Raise :class:`NotLiveError` unless something is live, :class:`ClosedError` after the end."""
        if self._values["state"] == "closed":
            raise ClosedError("this lab was closed; make a new Lab()")
        if self._values["state"] != "live":
            raise NotLiveError

    def wait_live(self, timeout_s: float) -> None:
        """Block until live; raises as :meth:`outcome` says."""
        deadline_s = time.monotonic() + timeout_s
        with self._condition:
            while not self.outcome(self._values["state"]):
                remaining_s = deadline_s - time.monotonic()
                if remaining_s <= 0:
                    raise StreamTimeout(self.too_late(timeout_s))
                self._condition.wait(remaining_s)

    async def live(self, timeout_s: float) -> None:
        """As :meth:`wait_live`, to be awaited."""
        loop = asyncio.get_running_loop()
        changed = asyncio.Event()
        undo = self.watch(lambda _: loop.call_soon_threadsafe(changed.set))
        try:
            async with asyncio.timeout(timeout_s):
                while not self.outcome(self._values["state"]):
                    await changed.wait()
                    changed.clear()
        except TimeoutError:
            raise StreamTimeout(self.too_late(timeout_s)) from None
        finally:
            undo()

    def outcome(self, state: str) -> bool:
        """True when live; raises :class:`ConnectionFailed` when it never will be; else False."""
        if state in ("failed", "closed"):
            raise ConnectionFailed(self._explain())
        return state == "live"

    def too_late(self, timeout_s: float) -> str:
        """Why nothing was live in time, and what to do."""
        state = self._values["state"]
        step = {
            "idle": "nobody clicked Start: show the lab in a cell and click it, or call lab.simulate()",
            "asking": "the browser still asks for permission: look for its question near the address bar",
        }.get(state, "the connection is still being made: see the widget for what it tries")
        if self.by_comm and state == "idle":
            step += ". The page speaks through the notebook here: click Start before the cell that waits runs"
        return f"not live after {timeout_s:g} s; {step}"

    def _explain(self) -> str:
        error = self._values["error"]
        if error:
            return " ".join(filter(None, (error.get("message"), error.get("next_step"))))
        if self._values["state"] == "closed":
            return "this lab was closed; make a new Lab()"
        return "no connection could be made; the widget says why"
