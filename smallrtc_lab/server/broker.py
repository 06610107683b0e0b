"""The broker: engines by kernel, sessions by name, pages by session. Plain asyncio, no web framework.

Runs on the server's event loop; nothing here is thread-safe. A route calls ``link_*`` for an engine's socket,
``pages`` for a page's, ``relays`` for one with media, and ``request`` for everything that wants an answer.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

from smallrtc_lab.errors import ProtocolError, RequestError
from smallrtc_lab.framing import Header, unpack

from .exchange import Link, Reply
from .ice_servers import IceServerList
from .invitations import Invitation, Invitations
from .limits import Limits
from .outbox import Outbox, Wire
from .pages import Pages
from .relays import Relays
from .sessions import Session, Sessions

__all__ = ["LINK_VERSION", "Broker"]

logger = logging.getLogger(__name__)

LINK_VERSION = 1


class Broker:
    """Brings pages and engines together."""

    def __init__(
        self,
        limits: Limits,
        *,
        ice_servers: IceServerList,
        base_url: str,
        on_activity: Callable[[str], None],
    ) -> None:
        self.limits = limits
        self._ice_servers = ice_servers
        self.base_url = base_url
        # Programs that this server itself started, by the name they link with: the keys of their proofs.
        self.programs: dict[str, bytes] = {}
        self.nothing_served = "Nothing is served here yet: call smallrtc_lab.serve(bot) in a notebook."
        self._on_activity = on_activity
        self._links: dict[str, Link] = {}
        self._outboxes: set[Outbox] = set()
        self._sessions = Sessions(limits)
        self._invitations = Invitations(limits.max_invitations, limits.invitation_life_s, time.monotonic)
        self.pages = Pages(
            self._sessions, limits, self._outbox, self._forget, on_status=self._ice_servers.look
        )
        self.relays = Relays(self._sessions, self._invitations, limits, self._outbox, self._forget)
        self._closed = False
        self._handlers: dict[str, Callable[[Link, Header, bytes], None]] = {
            "session-open": self._on_session_open,
            "session-close": self._on_session_close,
            "reply": lambda link, header, payload: link.replied(header, payload),
            "page": self.pages.from_engine,
            "page-kick": self.pages.kicked,
            "plot": self.pages.plot_from_engine,
            "plot-kick": self.pages.kicked,
            "media": self.relays.from_engine,
            "media-kick": self.relays.kicked,
            "activity": lambda link, header, payload: self._on_activity(link.kernel_id),
        }

    # ICE servers

    @property
    def ice_servers(self) -> list[dict[str, Any]]:
        """What a client that comes now may use."""
        self._ice_servers.look()
        return self._ice_servers.current

    def tell_ice_servers(self, servers: list[dict[str, Any]] | None, failure: str | None) -> None:
        """They changed, or new credentials could not be had: every engine is told."""
        for link in self._links.values():
            link.tell({"type": "ice-servers", "ice_servers": servers, "failure": failure})

    # requests

    def invite(self, session_id: str | None, body: Any, *, relays: bool = False) -> Invitation:
        """A new name for a served session, the default one if none is asked for; ``relays``: see :class:`Invitation`.

        Raises :class:`RequestError` 404 for a session that is not served, 503 when nothing is.
        """
        self._refuse_when_closed()
        session = self._sessions.find(session_id or self.default_session)
        if session is None or not session.served:
            raise RequestError(404, "not-served", "Nothing is served under that name.")
        return self._invitations.issue(session.id, body, relays=relays)

    @property
    def default_session(self) -> str:
        """What is served to clients that name nothing: the session that is served longest. 503 without one."""
        served = next((session.id for session in self._sessions if session.served), None)
        if served is None:
            raise RequestError(503, "nothing-served", self.nothing_served)
        return served

    def session_of_guest(self, token: str) -> str | None:
        """The session that is served to whoever has this token; in constant time for each."""
        found = [one.id for one in self._sessions if one.served and one.admits(token)]
        return found[0] if found else None

    def leads_to(self, name: str | None, session_id: str) -> bool:
        """Whether a request for that name is one for that session; no name is whatever one may ask for."""
        if name is None or name == session_id:
            return True
        invitation = self._invitations.find(name)
        return invitation is not None and invitation.session == session_id

    async def request(self, session_id: str, method: str, body: Any) -> Reply:
        """Ask the session's engine; raises :class:`RequestError` when no answer came from it.

        ``session_id`` may be an invitation: its ``body`` stands in for the request data of an offer without any.
        """
        self._refuse_when_closed()
        invitation = self._invitations.find(session_id)
        if invitation is not None:
            session_id, body = invitation.session, _invited(invitation, method, body)
        link = await self._sessions.link_of(session_id)
        session = self._sessions.find(session_id)
        if session is not None and not session.allows(method):
            raise RequestError(429, "too-often", "Too many requests for this session; wait a minute.")
        return await link.request(session_id, method, body)

    # engines

    def link_opened(self, kernel_id: str, wire: Wire) -> Link:
        """An engine's socket opened; it counts once it has said hello."""
        self._refuse_when_closed()
        return Link(kernel_id, self._outbox(wire, f"link of kernel {kernel_id}"), self.limits)

    def link_message(self, link: Link, message: bytes) -> None:
        """The engine said something. Raises :class:`ProtocolError` for no message or one out of turn."""
        if link.outbox.closing:
            return
        header, payload = unpack(message)
        kind = header.get("type")
        if not link.greeted:
            self._greet(link, header)
        elif isinstance(kind, str) and kind in self._handlers:
            self._handlers[kind](link, header, payload)
        else:
            logger.debug("unknown message of type %.40r from the engine of kernel %s", kind, link.kernel_id)

    def link_closed(self, link: Link) -> None:
        """The engine's socket is gone, and its sessions with it."""
        self._forget(link.outbox)
        self._unlink(link)

    # the end

    async def close(self) -> None:
        """Close every socket and answer every request; returns when all have ended."""
        self._closed = True
        self._sessions.dismiss(_stopping())
        outboxes = list(self._outboxes)
        for outbox in outboxes:
            outbox.close(1001, "the Jupyter server stops")
        await asyncio.gather(*(outbox.ended(self.limits.close_timeout_s) for outbox in outboxes))

    # what engines say

    def _greet(self, link: Link, header: Header) -> None:
        if header.get("type") != "hello":
            raise ProtocolError("the first message on the link is hello")
        if header.get("version") != LINK_VERSION:
            raise ProtocolError(
                f"the server speaks version {LINK_VERSION} of the link and the kernel another one: "
                "install the same smallrtc-lab beside both"
            )
        if header.get("kernel_id") != link.kernel_id:
            raise ProtocolError("hello names another kernel than the header")
        older = self._links.get(link.kernel_id)
        if older is not None:
            self._unlink(older)
            older.outbox.close(4409, "another engine of this kernel has linked")
        self._links[link.kernel_id] = link
        link.greeted = True
        welcome = {
            "type": "welcome",
            "version": LINK_VERSION,
            "limits": self.limits.for_engine(),
            "ice_servers": self.ice_servers,
            "ice_failure": self._ice_servers.failure,
            "base_url": self.base_url,
        }
        link.tell(welcome)

    def _on_session_open(self, link: Link, header: Header, payload: bytes) -> None:
        try:
            session = self._sessions.opened(header.get("session"), link)
        except RequestError as error:
            link.tell({"type": "session-refused", "session": header.get("session"), **error.to_json()})
            return
        if session.owner != link.kernel_id:  # what led to another kernel's does not lead here
            self._invitations.withdraw(session.id)
            session.owner = link.kernel_id
        session.serve(header.get("serves") is True, header.get("guest_token"))
        if session.serves:
            link.tell({"type": "session-served", "session": session.id})
        self.pages.engine_came(session, link)

    def _on_session_close(self, link: Link, header: Header, payload: bytes) -> None:
        session = self._sessions.find(header.get("session"))
        if session is not None and session.link is link:
            self._invitations.withdraw(session.id)
            self._end(session)

    # small steps

    def _unlink(self, link: Link) -> None:
        if self._links.get(link.kernel_id) is link:
            del self._links[link.kernel_id]
        link.lost()
        for session in self._sessions:
            if session.link is link:
                self._end(session)

    def _end(self, session: Session) -> None:
        # Its invitations stay: whoever has served it may come back, and so may its clients.
        self.relays.end(session)
        self._sessions.closed(session)
        self.pages.engine_left(session)

    def _outbox(self, wire: Wire, name: str) -> Outbox:
        outbox = Outbox(wire, self.limits, name=name)
        self._outboxes.add(outbox)
        return outbox

    def _forget(self, outbox: Outbox) -> None:
        outbox.stop()
        self._outboxes.discard(outbox)

    def _refuse_when_closed(self) -> None:
        if self._closed:
            raise _stopping()


def _invited(invitation: Invitation, method: str, body: Any) -> Any:
    """The request as the engine gets it: an offer carries the name it came by, and what ``start`` was told."""
    if method != "offer":
        return body
    asked = body.get("request_data")
    return {
        **body,
        "request_data": invitation.body if asked is None else asked,
        "session_id": invitation.name,
        "relays": invitation.relays,
    }


def _stopping() -> RequestError:
    return RequestError(503, "server-stopping", "The Jupyter server stops.")
