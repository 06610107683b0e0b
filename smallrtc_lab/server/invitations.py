"""Names that ``POST start`` gave out: each opens one served session, with the ``body`` that came with it."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from smallrtc_lab.errors import RequestError

__all__ = ["Invitation", "Invitations"]

_NAME_BYTES = 16


@dataclass(frozen=True)
class Invitation:
    """``session`` is the served one it leads to; ``name`` stands in its place in addresses and cannot be guessed.

    ``relays``: its client opens a relay socket where WebRTC finds no way, as our own page does.
    """

    name: str
    session: str
    body: Any = field(repr=False)
    relays: bool = False
    issued_s: float = 0.0


class Invitations:
    """The newest ``limit`` invitations of a server, none older than ``life_s`` by ``clock`` (seconds)."""

    def __init__(self, limit: int, life_s: float, clock: Callable[[], float]) -> None:
        self._limit = limit
        self._life_s = life_s
        self._clock = clock
        self._issued: dict[str, Invitation] = {}

    def issue(self, session: str, body: Any, *, relays: bool = False) -> Invitation:
        """Make one; raises :class:`RequestError` 429 when too many are open."""
        self._forget_old()
        if len(self._issued) >= self._limit:
            raise RequestError(
                429, "too-many-starts", "Too many clients were invited at once; try again later."
            )
        invitation = Invitation(secrets.token_urlsafe(_NAME_BYTES), session, body, relays, self._clock())
        self._issued[invitation.name] = invitation
        return invitation

    def find(self, name: str) -> Invitation | None:
        """The invitation of that name, unless it is too old; one that is used is as good as new."""
        invitation = self._issued.pop(name, None)
        if invitation is None or self._clock() - invitation.issued_s > self._life_s:
            return None
        used = replace(invitation, issued_s=self._clock())
        self._issued[name] = used  # at the end: they stand in the order of their last use
        return used

    def withdraw(self, session: str) -> None:
        """The served session has ended: what leads to it ends too."""
        self._issued = {name: one for name, one in self._issued.items() if one.session != session}

    def _forget_old(self) -> None:
        oldest_s = self._clock() - self._life_s
        while self._issued:
            first = next(iter(self._issued.values()))
            if first.issued_s >= oldest_s:
                return
            del self._issued[first.name]
