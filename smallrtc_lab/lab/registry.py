"""Which labs there are. One engine serves them all; a lab is known by its name or by its place in a cell."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from smallrtc_lab.engine.client import EngineClient

from .cell import current_place, link_arguments
from .worker import SwitchInterval

if TYPE_CHECKING:
    from .lab import Lab

__all__ = ["close_all", "labs", "registry"]


class Registry:
    """The labs of this kernel and the engine behind them."""

    def __init__(self) -> None:
        self.switch_interval = SwitchInterval()
        self._lock = threading.RLock()
        self._labs: dict[str, Lab] = {}
        self._client: EngineClient | None = None
        self._run = ""
        self._in_this_run = 0

    def client(self) -> EngineClient:
        """The engine, made on first use."""
        with self._lock:
            if self._client is None:
                self._client = EngineClient(link_arguments())
            return self._client

    def identity(self, name: str | None) -> str:
        """The name by which a lab is known: its own, or its cell and its place there."""
        if name is not None:
            return f"name:{name}"
        place = current_place()
        with self._lock:
            if place.run != self._run:
                self._run, self._in_this_run = place.run, 0
            self._in_this_run += 1
            return f"cell:{place.cell or place.run}:{self._in_this_run}"

    def add(self, identity: str, lab: Lab) -> None:
        """A new lab; the one it replaces, made by the same cell or name, is closed."""
        with self._lock:
            old = self._labs.pop(identity, None)
            self._labs[identity] = lab
        if old is not None:
            old.close()

    def discard(self, lab: Lab) -> None:
        """A lab was closed."""
        with self._lock:
            for identity, known in list(self._labs.items()):
                if known is lab:
                    del self._labs[identity]

    def all(self) -> list[Lab]:
        """Every open lab."""
        with self._lock:
            return list(self._labs.values())


registry = Registry()  # the one thing of which a process has just one: its engine and its labs


def labs() -> list[Lab]:
    """Every open lab of this kernel: what is on, and where.

    >>> smallrtc_lab.labs()
    [Lab(live, direct, camera and microphone)]
    """
    return registry.all()


def close_all() -> None:
    """Close every lab: no camera light, no thread, no process stays.

    >>> smallrtc_lab.close_all()
    """
    for lab in labs():
        lab.close()
