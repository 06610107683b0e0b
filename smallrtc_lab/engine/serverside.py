"""The engine's side towards the Jupyter server: the link, what comes on it, and who it is for.

It has the sessions and halls that the engine has; without a server it is silent, and they work all the same.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from typing import Any

from smallrtc_lab.framing import Header

from .answers import answer_to
from .bridge import Bridge
from .comm_calls import by_comm, show_by_comm, tell_by_comm
from .hall import Hall
from .halls import Halls
from .link import Link, LinkAddress
from .relaying.relays import Relays
from .session import Session

__all__ = ["ServerSide"]

logger = logging.getLogger(__name__)

Spawn = Callable[[Coroutine[Any, Any, None]], None]


class ServerSide:
    """All methods run on the engine's loop; ``spawn`` runs a coroutine there."""

    def __init__(self, sessions: dict[str, Session], halls: Halls, bridge: Bridge, spawn: Spawn) -> None:
        self.welcome: Header = {}  # the server's last one; empty before
        self.relays = Relays(sessions, self.send)
        self._link: Link | None = None
        self._sessions = sessions
        self._halls = halls
        self._bridge = bridge
        self._spawn = spawn

    @property
    def linked(self) -> bool:
        """Whether the server is at the other end now."""
        return self._link is not None and self._link.linked

    @property
    def base_path(self) -> str | None:
        """Where the server's addresses begin; None without a server."""
        return None if self._link is None else self._link.address.base_path

    def dial(self, address: LinkAddress) -> None:
        """Link to the server, from now on and again whenever the link is lost; the first address counts."""
        if self._link is None:
            self._link = Link(
                address,
                on_linked=self._linked,
                on_message=self._received,
                on_lost=self._lost,
                on_media=self._relayed,
            )

    async def close(self) -> None:
        """No link any more."""
        if self._link is not None:
            await self._link.close()

    def send(self, header: Header, payload: bytes = b"") -> None:
        """A message to the server; without one it goes nowhere."""
        if self._link is not None:
            self._link.send(header, payload)

    def announce_halls(self) -> None:
        """Tell the server who is served here."""
        for header in self._halls.announcements():
            self.send(header)

    def page_sender(self, session: str) -> Callable[[str, dict[str, Any]], None]:
        """What reaches a page of that session: ``send(page, message)``."""

        def send(page: str, message: dict[str, Any]) -> None:
            if by_comm(page):
                tell_by_comm(self._bridge, session, page, message)
            else:
                self.send({"type": "page", "session": session, "page": page, "message": message})

        return send

    def plot_sender(self, session: str) -> Callable[[str, str, dict[str, Any], bytes], None]:
        """What reaches a view of a plot of that session: ``send(plot, page, message, picture)``."""

        def send(plot: str, page: str, message: dict[str, Any], picture: bytes) -> None:
            if by_comm(page):
                show_by_comm(self._bridge, session, plot, page, message, picture)
                return
            about = {"type": "plot", "session": session, "plot": plot, "page": page}
            self.send({**about, "message": message}, picture)

        return send

    # What the server says

    def _linked(self, welcome: Header) -> None:
        self.welcome = welcome
        for session_id, session in self._sessions.items():
            session.welcomed(welcome)
            self.send({"type": "session-open", "session": session_id})
        self._halls.welcomed(welcome)
        self.announce_halls()
        self._bridge.event("", "link", state="linked", reason="")

    def _lost(self, reason: str) -> None:
        self.relays.clear()
        self._halls.link_lost()
        for session in self._sessions.values():
            session.pages.clear()
            self._spawn(session.plotting.clear())
        self._bridge.event("", "link", droppable=True, state="lost", reason=reason)

    def _received(self, header: Header) -> None:
        name, kind = str(header.get("session")), header.get("type")
        session = self._sessions.get(name)
        if kind == "ice-servers":
            self._renew_ice_servers(header)
        elif kind == "request":
            self._spawn(self._answer(header, self._halls.find(name) or session))
        elif self._halls.find(name) is not None:
            self._tell_of_hall(name, header)
        elif session is None:
            logger.debug("message %s for a session that is closed", kind)
        elif kind == "session-refused":
            session.refused(str(header.get("message")), str(header.get("reason")))
        elif kind in ("page-open", "page-close", "page"):
            _of_page(session, header)
        elif str(kind).startswith("plot"):
            self._of_plot(session, header)

    def _relayed(self, header: Header, payload: bytes) -> None:
        """A relay socket opened, closed or brought a packet."""
        if not self._halls.relayed(str(header.get("session")), header, payload):
            self.relays.received(header, payload)

    def _of_plot(self, session: Session, header: Header) -> None:
        """A view of a plot came, left, or said something."""
        kind, page = header.get("type"), header["page"]
        if kind == "plot-open":
            session.plotting.opened(str(header.get("plot")), page)
        elif kind == "plot-close":
            self._spawn(session.plotting.closed(page))
        elif kind == "plot":
            session.plotting.received(page, header.get("message"))

    def _renew_ice_servers(self, header: Header) -> None:
        """The server has new credentials, or could get none: what holds is kept for sessions to come, too."""
        servers, failure = header.get("ice_servers"), header.get("failure")
        self.welcome["ice_failure"] = failure
        if servers is not None:
            self.welcome["ice_servers"] = servers
            self._halls.welcomed(self.welcome)
        for session in self._sessions.values():
            session.renew_ice_servers(servers, failure, by_server=True)

    def _tell_of_hall(self, name: str, header: Header) -> None:
        """Whether the server lets clients into a hall: the kernel waits for it."""
        if header.get("type") == "session-served":
            self._bridge.event(name, "served")
        elif header.get("type") == "session-refused":
            self._bridge.event(name, "refused", message=str(header.get("message")))

    async def _answer(self, header: Header, session: Session | Hall | None) -> None:
        answer = await answer_to(session, str(header.get("method")), header.get("body") or {})
        reply = {"type": "reply", "id": header["id"], "status": answer.status, "body": answer.body}
        self.send(reply, answer.content)


def _of_page(session: Session, header: Header) -> None:
    """A page came, left, or said something."""
    if header["type"] == "page-open":
        session.pages.opened(header["page"])
    elif header["type"] == "page-close":
        session.pages.closed(header["page"])
    else:
        session.pages.received(header["page"], header.get("message"))
