"""What travels on the data channel, without the channel: reading, writing and queueing texts.

``ping: <ms>`` is the client's heartbeat; ``{"type": "signalling", "message": {...}}`` is ours; any other JSON
belongs to the application.
"""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass
from typing import Any, TypeAlias

from smallrtc_lab.errors import ProtocolError

from .sections import Section

__all__ = [
    "MAX_QUEUED",
    "AppMessage",
    "Incoming",
    "MessageQueue",
    "Ping",
    "TrackStatus",
    "read_message",
    "signalling_text",
]

MAX_QUEUED = 50
MAX_MESSAGE_CHARS = 1_000_000
_SIGNALLING = "signalling"  # the wire's spelling


@dataclass(frozen=True)
class Ping:
    """The client is alive."""


@dataclass(frozen=True)
class TrackStatus:
    """The client switched a source on or off."""

    section: Section
    enabled: bool


@dataclass(frozen=True)
class AppMessage:
    """A message of the application: any JSON value."""

    value: Any


Incoming: TypeAlias = Ping | TrackStatus | AppMessage


def read_message(text: str | bytes) -> Incoming:
    """One message from the channel; raises :class:`ProtocolError` for one that follows no rule."""
    if len(text) > MAX_MESSAGE_CHARS:
        raise ProtocolError(f"a data channel message of {len(text)} characters is too long")
    if isinstance(text, str) and text.startswith("ping"):
        return Ping()
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"a data channel message is not JSON: {error}") from None
    if isinstance(value, dict) and value.get("type") == _SIGNALLING and value.get("message"):
        return _read_signalling(value["message"])
    return AppMessage(value)


def signalling_text(kind: str) -> str:
    """The text of a message of ours: ``kind`` is ``renegotiate`` or ``peerLeft``."""
    return json.dumps({"type": _SIGNALLING, "message": {"type": kind}})


class MessageQueue:
    """The first ``limit`` messages, in order; what comes after them is refused and counted."""

    def __init__(self, limit: int = MAX_QUEUED) -> None:
        self._items: deque[Any] = deque()
        self._limit = limit
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: Any) -> bool:
        """Keep ``item``; returns False, and counts, when the queue is full."""
        if len(self._items) >= self._limit:
            self.dropped += 1
            return False
        self._items.append(item)
        return True

    def take_all(self) -> list[Any]:
        """Everything that waits, oldest first; the queue is empty afterwards."""
        items = list(self._items)
        self._items.clear()
        return items


def _read_signalling(message: Any) -> TrackStatus:
    if not isinstance(message, dict) or message.get("type") != "trackStatus":
        raise ProtocolError(f"unknown signalling message {str(message)[:80]!r}")
    index, enabled = message.get("receiver_index"), message.get("enabled")
    if type(index) is not int or index not in tuple(Section) or not isinstance(enabled, bool):
        raise ProtocolError("trackStatus needs receiver_index 0, 1 or 2 and enabled true or false")
    return TrackStatus(Section(index), enabled)
