"""What the kernel is told of a client: one arrival and one end, whatever ways its media and messages take meanwhile."""

from __future__ import annotations

import enum
from typing import Any, Protocol

from smallrtc_lab.rtc.sections import Section
from smallrtc_lab.rtc.state import EndReason

from .connections import SessionConnection, SourceTrack

__all__ = ["ClientEvents", "Told", "so_far"]


class ClientEvents(Protocol):
    """Where it is told."""

    def connection_event(self, what: str, connection: SessionConnection, **more: Any) -> None:
        """An event of the client's connection, for a program in the kernel that follows it."""


class _Standing(enum.Enum):
    UNKNOWN = "unknown"
    CONNECTED = "connected"
    SILENT = "silent"


class Told:
    """``connected``, ``moved`` to another way, ``disconnected`` for a while, ``closed``; and its sources, each once."""

    def __init__(self, events: ClientEvents) -> None:
        self._events = events
        self._standing = _Standing.UNKNOWN
        self._sections: set[Section] = set()

    def begin(self) -> None:
        """Another client comes."""
        self._standing = _Standing.UNKNOWN
        self._sections.clear()

    def here(self, connection: SessionConnection) -> None:
        """The client is connected by this connection."""
        what = "moved" if self._standing is _Standing.CONNECTED else "connected"
        self._standing = _Standing.CONNECTED
        if what == "moved":
            for track in _tracks_of(connection):
                self.track(connection, track)
        self._events.connection_event(what, connection, takes=_taken(connection))

    def track(self, connection: SessionConnection, track: SourceTrack) -> None:
        """A source began; another way of a client that is here brings the same ones."""
        if self._standing is not _Standing.CONNECTED or track.section not in self._sections:
            self._sections.add(track.section)
            self._events.connection_event("track-started", connection, section=int(track.section))

    def silent(self, connection: SessionConnection) -> None:
        """Nothing comes for the moment."""
        if self._standing is not _Standing.SILENT:
            self._standing = _Standing.SILENT
            self._events.connection_event("disconnected", connection)

    def gone(self, connection: SessionConnection) -> None:
        """No way is left."""
        self._standing = _Standing.UNKNOWN
        reason = connection.end_reason or EndReason.FAILED
        self._events.connection_event("closed", connection, reason=reason.value)


def so_far(connection: SessionConnection | None) -> list[dict[str, Any]]:
    """What a program that begins to follow a client has missed, as events."""
    if connection is None or not connection.is_connected():
        return []
    pc_id = connection.pc_id
    started = [
        {"what": "track-started", "pc_id": pc_id, "section": int(track.section)}
        for track in _tracks_of(connection)
    ]
    return [*started, {"what": "connected", "pc_id": pc_id, "takes": _taken(connection)}]


def _tracks_of(connection: SessionConnection) -> list[SourceTrack]:
    """The sources that it has."""
    tracks = (
        connection.audio_input_track(),
        connection.video_input_track(),
        connection.screen_video_input_track(),
    )
    return [track for track in tracks if track is not None]


def _taken(connection: SessionConnection) -> list[str]:
    """The kinds that the client lets us send."""
    return [kind for kind in ("audio", "video") if connection.takes(kind)]
