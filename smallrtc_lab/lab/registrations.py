"""The callbacks of one lab: one processor of a kind, any number of observers, and the threads they run on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from .access import Access
from .callbacks import Callback
from .registry import registry
from .worker import Worker

__all__ = ["Registrations"]


class Registrations:
    """Registers, replaces and forgets functions. Those of a place ("video", "audio observers") share a worker."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._workers: dict[str, Worker] = {}
        self._processors: dict[str, Callback] = {}
        self._observers: list[tuple[str, Callback]] = []
        self.replaying = threading.Lock()  # held by the one replay there may be: others would find all paused

    def all(self) -> list[Callback]:
        """Every registered callback, paused ones too."""
        return [*self._processors.values(), *(observer for _, observer in self._observers)]

    def processor(self, place: str) -> Callback | None:
        """The processor of a place ("video", "audio"), paused or not."""
        return self._processors.get(place)

    def add(
        self, function: Callable[..., Any] | None, kind: type[Callback], place: str, **request: Any
    ) -> Any:
        """The handle of a function registered now; without a function the decorator that makes one.

        What it replaces goes on when this raises.
        """
        if function is None:
            return lambda f: self.add(f, kind, place, **request)
        if not callable(function):
            raise TypeError(f"a callback is a function, not {type(function).__name__}")
        plain = function.function if isinstance(function, Callback) else function
        if place not in self._workers:
            self._workers[place] = Worker(f"smallrtc {place}", log=self._access.log)
        callback = kind(plain, self._access, self._workers[place], **request)
        self._replace(callback, place)
        callback.on_remove = self._forget
        registry.switch_interval.acquire()
        return callback

    def control(self, callback_name: str, control: str, value: Any) -> None:
        """A control of a processor was moved in the page."""
        for callback in self._processors.values():
            if callback.name == callback_name:
                callback.controls.set(control, value)

    def stuck(self, number: int, seconds: float) -> None:
        """The engine misses an answer of a subscription for so long."""
        for callback in self.all():
            callback.stuck(number, seconds)

    def reopen(self) -> None:
        """A new engine runs: subscribe there."""
        for callback in self.all():
            callback.reopen()

    def remove_all(self) -> None:
        """Call none of them again."""
        for callback in self.all():
            callback.remove()

    def close(self) -> None:
        """End the threads."""
        for worker in self._workers.values():
            worker.close()

    def _replace(self, callback: Callback, place: str) -> None:
        """Start the new one before the old one ends: what the browser sees never pauses."""
        old = self._processors.get(place) if callback.processes else self._observer(callback, place)
        if old is not None and old.identity == callback.identity:
            callback.fallback = old.last_good
        callback.resume()
        if old is not None:
            old.remove()
        if callback.processes:
            self._processors[place] = callback
        else:
            self._observers.append((place, callback))

    def _observer(self, new: Callback, place: str) -> Callback | None:
        return next((o for p, o in self._observers if p == place and o.identity == new.identity), None)

    def _forget(self, callback: Callback) -> None:
        """A callback was removed."""
        registry.switch_interval.release()
        self._observers[:] = [(place, one) for place, one in self._observers if one is not callback]
        for place in [p for p, processor in self._processors.items() if processor is callback]:
            del self._processors[place]
