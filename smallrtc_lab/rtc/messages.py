"""What travels on the data channel, without the channel: reading, writing and queueing texts.

``ping: <ms>`` is the client's heartbeat; ``{"type": "signalling", "message": {...}}`` is ours; any other JSON
belongs to the application. With a page of our own, which has a conversation (:mod:`smallrtc_lab.conversation`), an
application's message is ``{"type": "numbered", "sequence": n, "message": …}`` and
``{"type": "acknowledged", "sequence": n}`` answers it.
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
    "Acknowledged",
    "AppMessage",
    "Incoming",
    "MessageQueue",
    "Numbered",
    "Ping",
    "TrackStatus",
    "acknowledged_text",
    "numbered_text",
    "read_message",
    "read_numbered",
    "signalling_text",
]

MAX_QUEUED = 50
MAX_MESSAGE_CHARS = 1_000_000
_SIGNALLING = "signalling"  # the wire's spelling
_NUMBERED, _ACKNOWLEDGED = "numbered", "acknowledged"


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


@dataclass(frozen=True)
class Numbered:
    """A message of the application at its place in the conversation."""

    sequence: int
    value: Any


@dataclass(frozen=True)
class Acknowledged:
    """The other side has everything up to there."""

    sequence: int


Incoming: TypeAlias = Ping | TrackStatus | AppMessage


def read_message(text: str | bytes) -> Incoming:
    """One message from the channel; raises :class:`ProtocolError` for one that follows no rule."""
    if isinstance(text, str) and text.startswith("ping"):
        return Ping()
    return _sorted(_parsed(text))


def read_numbered(text: str | bytes) -> Incoming | Numbered | Acknowledged:
    """As :func:`read_message`, of a page that has a conversation."""
    if isinstance(text, str) and text.startswith("ping"):
        return Ping()
    value = _parsed(text)
    kind = value.get("type") if isinstance(value, dict) else None
    if kind not in (_NUMBERED, _ACKNOWLEDGED):
        return _sorted(value)
    sequence = value.get("sequence")
    if type(sequence) is not int or sequence < (kind == _NUMBERED):
        raise ProtocolError(f"a {kind} message needs a sequence, not {sequence!r}")
    if kind == _ACKNOWLEDGED:
        return Acknowledged(sequence)
    if "message" not in value:
        raise ProtocolError("a numbered message has none")
    return Numbered(sequence, value["message"])


def numbered_text(sequence: int, text: str) -> str:
    """The text of a message of the application, which is ``text`` alone elsewhere."""
    return f'{{"type": "{_NUMBERED}", "sequence": {sequence}, "message": {text}}}'


def acknowledged_text(sequence: int) -> str:
    """The text that says that everything up to ``sequence`` has come."""
    return json.dumps({"type": _ACKNOWLEDGED, "sequence": sequence})


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


def _parsed(text: str | bytes) -> Any:
    if len(text) > MAX_MESSAGE_CHARS:
        raise ProtocolError(f"a data channel message of {len(text)} characters is too long")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"a data channel message is not JSON: {error}") from None


def _sorted(value: Any) -> Incoming:
    if isinstance(value, dict) and value.get("type") == _SIGNALLING and value.get("message"):
        return _read_signalling(value["message"])
    return AppMessage(value)


def _read_signalling(message: Any) -> TrackStatus:
    if not isinstance(message, dict) or message.get("type") != "trackStatus":
        raise ProtocolError(f"unknown signalling message {str(message)[:80]!r}")
    index, enabled = message.get("receiver_index"), message.get("enabled")
    if type(index) is not int or index not in tuple(Section) or not isinstance(enabled, bool):
        raise ProtocolError("trackStatus needs receiver_index 0, 1 or 2 and enabled true or false")
    return TrackStatus(Section(index), enabled)
