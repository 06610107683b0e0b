"""Sessions as the server knows them: which engine has them, who waits for them, which pages watch.

    EXPECTED ──session-open──► HERE ──session-close, link lost──► ABSENT ──session-open──► HERE

A session is EXPECTED while somebody asks for one that no engine announced yet: a page or an offer is often faster
than the engine's link. Nobody came in time: 404 for an EXPECTED session, 503 for an ABSENT one.
"""

from __future__ import annotations

import asyncio
import hmac
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from smallrtc_lab.errors import RequestError
from smallrtc_lab.framing import Header

from .exchange import Link
from .limits import Limits
from .outbox import Outbox
from .rates import TokenBucket

__all__ = ["SESSION_ID", "Page", "Session", "SessionState", "Sessions"]

SESSION_ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}")
_SHORTEST_TOKEN = 20  # characters
# Ended sessions that are remembered, for the difference between 503 and 404, as a multiple of max_sessions.
_REMEMBERED = 4
_REMEMBERED_FIELDS = {"visible": ("visible",), "size": ("width", "height", "ratio"), "theme": ("theme",)}


class SessionState(Enum):
    """Where a session's engine is."""

    EXPECTED = "expected"
    HERE = "here"
    ABSENT = "absent"


@dataclass(eq=False)
class Page:
    """One page's session socket, or that of one view of a ``plot`` of the session.

    ``hello`` is kept to be repeated to an engine that comes later, with what it said since of itself.
    """

    key: str
    session: Session
    outbox: Outbox
    rate: TokenBucket
    plot: str | None = None
    hello: dict[str, Any] | None = None
    told_absent: bool = False
    patience: asyncio.TimerHandle | None = None

    def header(self, what: str = "") -> Header:
        """The header of a message about it on the link: ``page…`` for a page, ``plot…`` for a view of a plot."""
        if self.plot is None:
            return {"type": f"page{what}", "session": self.session.id, "page": self.key}
        return {"type": f"plot{what}", "session": self.session.id, "plot": self.plot, "page": self.key}

    def remember(self, message: dict[str, Any]) -> None:
        """What an engine that comes later must be told."""
        kind = message["type"]
        if kind == "hello":
            self.hello = message
        elif self.hello is not None:
            said = {name: message.get(name) for name in _REMEMBERED_FIELDS.get(kind, ())}
            self.hello = {**self.hello, **said}


@dataclass(eq=False)
class Session:
    """One notebook's meeting place. ``link`` is set exactly while the state is HERE."""

    id: str
    offers: TokenBucket
    patches: TokenBucket
    state: SessionState = SessionState.EXPECTED
    link: Link | None = None
    owner: str = ""  # the kernel that opened it last
    serves: bool = False  # whether it takes clients that are no page of its own
    guest_token: str = field(default="", repr=False)  # who has it may meet what is served; empty: no guests
    pages: dict[str, Page] = field(default_factory=dict)
    waiting: set[asyncio.Future[Link]] = field(default_factory=set)

    def serve(self, serves: bool, guest_token: object) -> None:
        """What its engine announced; a token that is too short to be a secret admits nobody."""
        self.serves = serves
        known = isinstance(guest_token, str) and len(guest_token) >= _SHORTEST_TOKEN
        self.guest_token = str(guest_token) if known else ""

    def admits(self, token: str) -> bool:
        """Whether this is the token of its guests."""
        return bool(self.guest_token) and hmac.compare_digest(self.guest_token.encode(), token.encode())

    @property
    def served(self) -> bool:
        """Whether clients from outside may join it now."""
        return self.serves and self.link is not None

    def count_pages(self, *, plots: bool) -> int:
        """How many pages watch it, or how many views of its plots there are."""
        return sum((page.plot is not None) == plots for page in self.pages.values())

    @property
    def needed(self) -> bool:
        """Whether anybody has it or waits for it."""
        return self.link is not None or bool(self.pages) or bool(self.waiting)

    def allows(self, method: str) -> bool:
        """Whether it may be asked for that once more; counts it."""
        match method:
            case "offer":
                return self.offers.take()
            case "patch":
                return self.patches.take()
        return True

    def missing(self) -> RequestError:
        """Why a request for it cannot be answered."""
        if self.state is SessionState.EXPECTED:
            return unknown_session()
        return RequestError(503, "engine-absent", "This notebook's engine is not there; run the cell again.")


def unknown_session() -> RequestError:
    """The answer for a session that never was."""
    return RequestError(
        404, "unknown-session", "There is no such session; run the cell that shows the widget."
    )


class Sessions:
    """All sessions of one server."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._known: dict[str, Session] = {}
        self._waiting = 0
        self._over: RequestError | None = None

    def __iter__(self) -> Iterator[Session]:
        return iter(list(self._known.values()))

    def find(self, session_id: object) -> Session | None:
        """The session of that name, if it was heard of."""
        return self._known.get(session_id) if isinstance(session_id, str) else None

    def expect(self, session_id: str) -> Session:
        """The session, heard of or not; 404 when it can be none, 429 when too many are asked for."""
        if self._over is not None:
            raise self._over
        if not SESSION_ID.fullmatch(session_id):
            raise unknown_session()
        session = self._known.get(session_id)
        if session is None:
            if self._count(SessionState.EXPECTED) >= self._limits.max_sessions:
                raise RequestError(
                    429, "too-many-sessions", "Too many unknown sessions are asked for; try again."
                )
            session = self._add(session_id)
        return session

    def opened(self, session_id: object, link: Link) -> Session:
        """An engine announces a session; raises :class:`RequestError` when it cannot have it."""
        if not isinstance(session_id, str) or not SESSION_ID.fullmatch(session_id):
            raise RequestError(
                400, "bad-session", "A session's name is 1 to 128 letters, digits, '-', '_' or '.'."
            )
        session = self._known.get(session_id) or self._add(session_id)
        if session.link is not None and session.link is not link:
            raise RequestError(403, "session-taken", "Another kernel has this session.")
        if session.link is None and self._count(SessionState.HERE) >= self._limits.max_sessions:
            self.release(session)
            raise RequestError(
                429,
                "too-many-sessions",
                f"This server allows {self._limits.max_sessions} sessions at once; close one.",
            )
        session.state, session.link = SessionState.HERE, link
        for future in session.waiting:
            if not future.done():
                future.set_result(link)
        return session

    def closed(self, session: Session) -> None:
        """Its engine closed it or went away."""
        session.state, session.link = SessionState.ABSENT, None
        self.release(session)

    def release(self, session: Session) -> None:
        """Somebody left: forget it when it never was, or when too many ended ones are remembered."""
        if session.needed:
            return
        if session.state is SessionState.EXPECTED:
            self._known.pop(session.id, None)
            return
        idle = [s for s in self._known.values() if not s.needed]
        for oldest in idle[: max(0, len(idle) - _REMEMBERED * self._limits.max_sessions)]:
            del self._known[oldest.id]

    async def link_of(self, session_id: str) -> Link:
        """The engine of a session; waits for it ``engine_wait_s``, then raises 404 or 503."""
        session = self.expect(session_id)
        if session.link is not None:
            return session.link
        if self._waiting >= self._limits.max_pending_requests:
            self.release(session)
            raise RequestError(429, "too-many-requests", "Too many requests wait for an engine; try again.")
        arrival: asyncio.Future[Link] = asyncio.get_running_loop().create_future()
        session.waiting.add(arrival)
        self._waiting += 1
        try:
            async with asyncio.timeout(self._limits.engine_wait_s):
                return await arrival
        except TimeoutError:
            raise session.missing() from None
        finally:
            self._waiting -= 1
            session.waiting.discard(arrival)
            self.release(session)

    def dismiss(self, reason: RequestError) -> None:
        """Nobody will come: end every wait with that answer, and whatever is asked from now on."""
        self._over = reason
        for session in self:
            for future in session.waiting:
                if not future.done():
                    future.set_exception(reason)

    def _count(self, state: SessionState) -> int:
        return sum(session.state is state for session in self._known.values())

    def _add(self, session_id: str) -> Session:
        per_minute = self._limits.offers_per_minute, self._limits.patches_per_minute
        offers, patches = (TokenBucket(count / 60, count) for count in per_minute)
        session = self._known[session_id] = Session(session_id, offers, patches)
        return session
