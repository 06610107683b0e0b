"""The other end of relay sockets, as the link to the server shows it."""

from __future__ import annotations

from collections.abc import Callable

from smallrtc_lab.framing import Header

__all__ = ["LinkDoor"]


class LinkDoor:
    """The relay sockets of one session; ``send`` writes on the link."""

    def __init__(self, session: str, send: Callable[[Header, bytes], object]) -> None:
        self._session = session
        self._send = send

    def send(self, key: str, content: bytes) -> None:
        """One packet to that page."""
        self._send({"type": "media", "session": self._session, "page": key}, content)

    def close(self, key: str, code: int, reason: str) -> None:
        """Close that page's relay socket."""
        header = {"type": "media-kick", "session": self._session, "page": key, "code": code, "reason": reason}
        self._send(header, b"")
