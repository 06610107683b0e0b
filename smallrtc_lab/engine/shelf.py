"""Pictures and sounds that a cell shows without saving them: kept here, fetched by the page, gone with the engine."""

from __future__ import annotations

import secrets
from collections import OrderedDict

__all__ = ["Shelf"]


class Shelf:
    """A bounded store; the oldest make way for new ones."""

    max_bytes = 32 * 1024 * 1024

    def __init__(self) -> None:
        self._items: OrderedDict[str, tuple[str, bytes]] = OrderedDict()
        self._bytes = 0

    def put(self, content_type: str, content: bytes) -> str:
        """Keep something; returns the unguessable name it can be fetched by."""
        name = secrets.token_urlsafe(12)
        self._items[name] = (content_type, content)
        self._bytes += len(content)
        while self._bytes > self.max_bytes and len(self._items) > 1:
            _, (_, oldest) = self._items.popitem(last=False)
            self._bytes -= len(oldest)
        return name

    def get(self, name: str) -> tuple[str, bytes] | None:
        """Content type and bytes, or None when it is gone or never was."""
        return self._items.get(name)

    def clear(self) -> None:
        """Forget everything."""
        self._items.clear()
        self._bytes = 0
