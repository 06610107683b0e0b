"""Who is here, and since when."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

__all__ = ["ClientInfo", "name_of"]

LONGEST_NAME = 80


@dataclass(frozen=True, repr=False)
class ClientInfo:
    """One client, as it was when the list was made.

    ``since_s`` is when it came, in seconds of :func:`time.time`; ``state`` as in W3C RTCPeerConnectionState. ``name``
    is what it calls itself in its ``request_data``: a stranger's word, to be shown and not to be trusted.
    ``session_id`` is the name that ``start`` gave it.
    """

    pc_id: str
    since_s: float
    state: str
    name: str | None = None
    session_id: str | None = None

    @property
    def here_s(self) -> float:
        """For how many seconds it has been here."""
        return max(0.0, time.time() - self.since_s)

    def __repr__(self) -> str:
        who = self.pc_id if self.name is None else f"{self.name!r}, {self.pc_id}"
        since = time.strftime("%H:%M:%S", time.localtime(self.since_s))
        return f"ClientInfo({who}, {self.state}, since {since}, for {self.here_s:.0f} s)"


def name_of(request_data: Any) -> str | None:
    """The ``name`` in a client's ``request_data``, on one line and not too long; None without one."""
    name = request_data.get("name") if isinstance(request_data, dict) else None
    if not isinstance(name, str):
        return None
    printable = "".join(letter if letter.isprintable() else " " for letter in name[: 4 * LONGEST_NAME])
    return " ".join(printable.split())[:LONGEST_NAME] or None
