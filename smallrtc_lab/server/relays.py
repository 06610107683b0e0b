"""Relay sockets: pages whose media goes through this server, because WebRTC finds no path. Packets are never read here.

A page that sends more than the server allows is read more slowly; the page notices by its acknowledgements. On the
link packets travel beside everything else: it is this machine's own loopback, where the largest picture takes
milliseconds, and what the way to the page does not carry waits in an outbox of the page's own.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from smallrtc_lab.errors import RequestError
from smallrtc_lab.framing import Header, pack

from .exchange import Link, kick
from .invitations import Invitation, Invitations
from .limits import Limits
from .outbox import Outbox, Wire
from .rates import TokenBucket
from .sessions import Session, Sessions

__all__ = ["RelaySocket", "Relays"]

_BURST_S = 2.0


@dataclass(eq=False)
class RelaySocket:
    """One page's relay socket."""

    key: str
    session: Session
    outbox: Outbox
    rate: TokenBucket  # of bytes
    invitation: Invitation | None = None  # of a client of what is served

    def header(self, what: str = "") -> Header:
        """The header of a message about it on the link."""
        return {"type": f"media{what}", "session": self.session.id, "page": self.key}

    def greeting(self) -> Header:
        """The link's first message about it: a served session's client is known by its invitation."""
        who = self.invitation
        client = {} if who is None else {"client": {"session_id": who.name, "body": who.body}}
        return self.header("-open") | client


class Relays:
    """All relay sockets of one server. ``outbox_of(wire, name)`` makes what writes to one, ``forget`` ends it.

    Where a session is named an invitation may stand, which leads to a served session.
    """

    def __init__(
        self,
        sessions: Sessions,
        invitations: Invitations,
        limits: Limits,
        outbox_of: Callable[[Wire, str], Outbox],
        forget: Callable[[Outbox], None],
    ) -> None:
        self._sessions = sessions
        self._invitations = invitations
        self._limits = limits
        self._outbox_of = outbox_of
        self._forget = forget
        self._open: dict[str, RelaySocket] = {}

    def admit(self, session_id: str) -> Session:
        """The session, if a page may open a relay socket to it; raises :class:`RequestError` when not."""
        invitation = self._invitations.find(session_id)
        session = self._sessions.expect(session_id if invitation is None else invitation.session)
        self._sessions.release(session)
        if session.link is None:
            raise session.missing()
        if len(self._of(session)) >= self._most(session):
            raise RequestError(429, "too-many-pages", "Too many pages are relayed; close one of them.")
        return session

    def opened(self, session_id: str, wire: Wire) -> RelaySocket:
        """A page's relay socket opened; raises as :meth:`admit`."""
        session = self.admit(session_id)
        if session.serves and not session.allows("offer"):  # each may begin a bot
            raise RequestError(429, "too-often", "Too many requests for this session; wait a minute.")
        key = secrets.token_hex(8)
        bytes_hz = (
            self._limits.max_bitrate_bps / 4
        )  # twice what a picture may have: screen and sound come too
        rate = TokenBucket(bytes_hz, _BURST_S * bytes_hz)
        outbox = self._outbox_of(wire, f"relay {key}")
        relay = RelaySocket(key, session, outbox, rate, self._invitations.find(session_id))
        self._open[key] = relay
        assert session.link is not None
        session.link.tell(relay.greeting())
        return relay

    async def message(self, relay: RelaySocket, content: bytes) -> None:
        """A packet of the page's. Returns when it may send more."""
        if relay.outbox.closing:
            return
        await asyncio.sleep(relay.rate.borrow(len(content)))
        link = relay.session.link
        if link is not None:
            await link.outbox.put_in_turn(pack(relay.header(), content))

    def closed(self, relay: RelaySocket) -> None:
        """The page's relay socket is gone."""
        self._forget(relay.outbox)
        if self._open.pop(relay.key, None) is not None and relay.session.link is not None:
            relay.session.link.tell(relay.header("-close"))

    def from_engine(self, link: Link, header: Header, payload: bytes) -> None:
        """A packet for a page; one that reads nothing is closed, for the engine keeps what is under way small."""
        relay = self._find(link, header)
        if relay is not None and not relay.outbox.put(payload):
            relay.outbox.close(4408, "this page reads too slowly")

    def kicked(self, link: Link, header: Header, payload: bytes) -> None:
        """The engine closes a relay socket."""
        relay = self._find(link, header)
        if relay is not None:
            kick(relay.outbox, header)

    def end(self, session: Session) -> None:
        """Its engine is gone: there is nobody to relay to."""
        for relay in self._of(session):
            relay.outbox.close(4503, "Python's media engine is gone")

    def _most(self, session: Session) -> int:
        """How many may be open: where a bot is served one a client, and one that was lost and is not noticed yet."""
        served = 2 * self._limits.max_connections
        return served if session.serves else self._limits.max_pages_per_session

    def _of(self, session: Session) -> list[RelaySocket]:
        return [relay for relay in self._open.values() if relay.session is session]

    def _find(self, link: Link, header: Header) -> RelaySocket | None:
        relay = self._open.get(str(header.get("page")))
        return relay if relay is not None and relay.session.link is link else None
