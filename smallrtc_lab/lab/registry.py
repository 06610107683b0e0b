"""Which labs there are. One engine serves them all; a lab is known by its name or by its place in a cell."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smallrtc_lab.engine.client import EngineClient

from .cell import Places, current_place, link_arguments
from .overview import Labs, Opened
from .worker import SwitchInterval

if TYPE_CHECKING:
    from .lab import Lab
    from .serving import Serving

__all__ = ["close_all", "labs", "registry"]


@dataclass(frozen=True)
class Identity:
    """What a lab is known by: ``key``, and as a person reads it ``title``."""

    key: str
    title: str


class Registry:
    """The labs of this kernel and the engine behind them."""

    def __init__(self) -> None:
        self.switch_interval = SwitchInterval()
        self._lock = threading.RLock()
        self._labs: dict[str, Opened] = {}
        self._servings: dict[str, Serving] = {}
        self._client: EngineClient | None = None
        self._places = Places()

    def client(self) -> EngineClient:
        """The engine, made on first use."""
        with self._lock:
            if self._client is None:
                self._client = EngineClient(link_arguments())
            return self._client

    def identity(self, name: str | None) -> Identity:
        """What a lab made now is known by: its name, or its cell and its place there."""
        place = current_place()
        made = "a script" if place.prompt is None else f"In [{place.prompt}]"
        if name is not None:
            return Identity(f"name:{name}", f"named {name!r}, made by {made}")
        with self._lock:
            return Identity(self._places.next(), f"made by {made}")

    def add(self, identity: Identity, lab: Lab) -> None:
        """A new lab; the one it replaces, made by the same cell or name, is closed."""
        with self._lock:
            old = self._labs.pop(identity.key, None)
            self._labs[identity.key] = Opened(lab, identity.title)
        if old is not None:
            old.lab.close()

    def discard(self, lab: Lab) -> None:
        """A lab was closed."""
        with self._lock:
            for key, opened in list(self._labs.items()):
                if opened.lab is lab:
                    del self._labs[key]

    def serves(self, serving: Serving) -> None:
        """Something is served now; what was served under that name is closed first."""
        with self._lock:
            old = self._servings.pop(serving.name, None)
            self._servings[serving.name] = serving
        if old is not None:
            old.close()

    def serves_no_longer(self, serving: Serving) -> None:
        """It was closed."""
        with self._lock:
            if self._servings.get(serving.name) is serving:
                del self._servings[serving.name]

    def servings(self) -> list[Serving]:
        """Everything that is served."""
        with self._lock:
            return list(self._servings.values())

    def all(self) -> Labs:
        """Every open lab."""
        with self._lock:
            return Labs(self._labs.values())


registry = Registry()  # the one thing of which a process has just one: its engine and its labs


def labs() -> Labs:
    """Every open lab of this kernel, a list that shows what is on, since when, why, and how it ends.

    >>> smallrtc_lab.labs()
    lab, made by In [1]: live, direct since 14:03:59
        camera 640×480 and microphone in a page (live)
        media process 4242
        video processor effect: 812 calls
        to end it: lab.stop() or lab.close()
    """
    return registry.all()


def close_all() -> None:
    """Close every lab, and whatever is served: no camera light, no thread, no process stays.

    >>> smallrtc_lab.close_all()
    """
    for serving in registry.servings():
        serving.close()
    for lab in labs():
        lab.close()
