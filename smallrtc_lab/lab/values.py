"""``lab.values["f0_hz"] = 196.0``: figures shown live in the widget, cheap, also from callbacks."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, MutableMapping
from typing import Any

import numpy as np

from .access import Access

__all__ = ["Values"]

_INTERVAL_S = 0.1
_LIMIT = 64


class Values(MutableMapping[str, Any]):
    """A dict of names to numbers, texts or bools. Thread-safe; the page is told at most ten times a second."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._lock = threading.Lock()
        self._values: dict[str, Any] = {}
        self._told_s = float("-inf")
        self._timer: threading.Timer | None = None

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __setitem__(self, name: str, value: Any) -> None:
        plain = _plain(name, value)
        with self._lock:
            if name not in self._values and len(self._values) >= _LIMIT:
                raise ValueError(f"lab.values shows at most {_LIMIT} names")
            self._values[name] = plain
        self._tell_soon()

    def __delitem__(self, name: str) -> None:
        with self._lock:
            del self._values[name]
        self._tell_soon()

    def __iter__(self) -> Iterator[str]:
        return iter(dict(self._values))

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Values({self._values!r})"

    def close(self) -> None:
        """Tell nothing more."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

    def _tell_soon(self) -> None:
        with self._lock:
            wait_s = self._told_s + _INTERVAL_S - time.monotonic()
            if wait_s > 0:
                if self._timer is None:
                    self._timer = threading.Timer(wait_s, self._tell)
                    self._timer.daemon = True
                    self._timer.start()
                return
        self._tell()

    def _tell(self) -> None:
        with self._lock:
            self._timer = None
            self._told_s = time.monotonic()
            values = dict(self._values)
        self._access.submit("values", values=values)


def _plain(name: str, value: Any) -> Any:
    if not isinstance(name, str):
        raise TypeError(f"a name in lab.values is a str, not {type(name).__name__}")
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, str)):
        return value[:1000] if isinstance(value, str) else value
    if isinstance(value, float):
        return value if np.isfinite(value) else str(value)
    raise TypeError(f"lab.values[{name!r}] is a number, text or bool, not {type(value).__name__}")
