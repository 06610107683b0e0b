"""Session sockets of pages, and sockets of views of plots: who may open one, what is said on it, and by whom."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable
from typing import Any

from smallrtc_lab.errors import ProtocolError, RequestError
from smallrtc_lab.framing import Header, pack

from .exchange import Link, kick
from .limits import Limits
from .outbox import Outbox, Wire
from .rates import TokenBucket
from .sessions import SESSION_ID, Page, Session, Sessions, SessionState

__all__ = ["Pages"]

# What loses its worth with age, so that a slow reader may miss it.
_DROPPABLE = frozenset({"stats", "log"})


class Pages:
    """All of them of one server. ``outbox_of(wire, name)`` makes what writes to one, ``forget`` ends it.

    ``on_status``: somebody may have pressed Start.
    """

    def __init__(
        self,
        sessions: Sessions,
        limits: Limits,
        outbox_of: Callable[[Wire, str], Outbox],
        forget: Callable[[Outbox], None],
        *,
        on_status: Callable[[], None],
    ) -> None:
        self._sessions = sessions
        self._limits = limits
        self._outbox_of = outbox_of
        self._forget = forget
        self._on_status = on_status

    # what pages do

    def admit(self, session_id: str, plot: str | None = None) -> None:
        """Whether a page, or a view of a plot, may open a socket to that session.

        Raises :class:`RequestError` when not.
        """
        if plot is not None and not SESSION_ID.fullmatch(plot):
            raise RequestError(404, "unknown-plot", "There is no such plot; run the cell that shows it.")
        session = self._sessions.expect(session_id)
        most = self._limits.max_pages_per_session if plot is None else self._limits.max_plots_per_session
        full = session.count_pages(plots=plot is not None) >= most
        self._sessions.release(session)
        if full and plot is None:
            raise RequestError(429, "too-many-pages", "Too many pages watch this session; close one of them.")
        if full:
            raise RequestError(429, "too-many-plots", f"This server shows {most} plots of a session at once.")

    def opened(self, session_id: str, wire: Wire, plot: str | None = None) -> Page:
        """A page's session socket, or that of a view of a plot, opened; raises as :meth:`admit`."""
        self.admit(session_id, plot)
        session = self._sessions.expect(session_id)
        key = secrets.token_hex(8)
        rate_hz = self._limits.messages_per_second
        outbox = self._outbox_of(wire, f"{'page' if plot is None else 'plot'} {key}")
        page = Page(key, session, outbox, TokenBucket(rate_hz, 2 * rate_hz), plot)
        session.pages[key] = page
        if session.link is not None:
            _introduce(page, session.link)
        else:
            loop = asyncio.get_running_loop()
            page.patience = loop.call_later(self._limits.engine_wait_s, _nobody_came, page)
        return page

    async def message(self, page: Page, text: str | bytes) -> None:
        """The page said something. Returns when it may say more: who sends too fast is read more slowly.

        Raises :class:`ProtocolError` when it is not a JSON object with a type.
        """
        if page.outbox.closing:
            return  # what a flood left in the socket's buffer
        message = _parsed(text)
        await asyncio.sleep(page.rate.borrow())
        page.remember(message)
        if message["type"] == "status":
            self._on_status()
        link = page.session.link
        if link is not None:
            await link.outbox.put_in_turn(pack(page.header() | {"message": message}))

    def closed(self, page: Page) -> None:
        """The page's socket is gone."""
        self._forget(page.outbox)
        if page.patience is not None:
            page.patience.cancel()
        session = page.session
        if session.pages.pop(page.key, None) is not None and session.link is not None:
            session.link.tell(page.header("-close"))
        self._sessions.release(session)

    # what engines do

    def engine_came(self, session: Session, link: Link) -> None:
        """The session is open: its pages are introduced to the engine."""
        for page in session.pages.values():
            if page.patience is not None:
                page.patience.cancel()
            if page.told_absent:
                page.told_absent = False
                _tell(page, {"type": "engine", "state": "here"})
            _introduce(page, link)

    def engine_left(self, session: Session) -> None:
        """The session is closed, by its engine or with it."""
        for page in session.pages.values():
            _tell_absent(page)

    def from_engine(self, link: Link, header: Header, payload: bytes) -> None:
        """A message for a page."""
        page, message = self._find(link, header), header.get("message")
        if page is not None and isinstance(message, dict):
            _tell(page, message)

    def plot_from_engine(self, link: Link, header: Header, payload: bytes) -> None:
        """A message for a view of a plot: with a picture, which may be missed, or without."""
        view, message = self._find(link, header), header.get("message")
        if view is None or view.plot is None or not isinstance(message, dict):
            return
        if not payload:
            _tell(view, message)
        elif not view.outbox.put(pack(message, payload), droppable=True):
            view.outbox.close(4408, "this page reads too slowly")

    def kicked(self, link: Link, header: Header, payload: bytes) -> None:
        """The engine closes a page's socket."""
        page = self._find(link, header)
        if page is not None:
            kick(page.outbox, header)

    def _find(self, link: Link, header: Header) -> Page | None:
        session = self._sessions.find(header.get("session"))
        if session is None or session.link is not link:
            return None
        return session.pages.get(str(header.get("page")))


def _introduce(page: Page, link: Link) -> None:
    link.tell(page.header("-open"))
    if page.hello is not None:
        link.tell(page.header() | {"message": page.hello})


def _nobody_came(page: Page) -> None:
    if page.session.state is SessionState.EXPECTED:
        page.outbox.close(4404, page.session.missing().message)
    else:
        _tell_absent(page)


def _tell_absent(page: Page) -> None:
    page.told_absent = True
    _tell(page, {"type": "engine", "state": "absent"})


def _tell(page: Page, message: dict[str, Any]) -> None:
    if not page.outbox.put(_text(message), droppable=message.get("type") in _DROPPABLE):
        page.outbox.close(4408, "this page reads too slowly")


def _text(message: dict[str, Any]) -> str:
    """JSON for a browser, which knows no NaN: a value that is not a number, as somebody's `lab.values`, is null."""
    try:
        return json.dumps(message, separators=(",", ":"), allow_nan=False)
    except ValueError:
        return json.dumps(json.loads(json.dumps(message), parse_constant=lambda constant: None))


def _parsed(text: str | bytes) -> dict[str, Any]:
    if isinstance(text, bytes):
        raise ProtocolError("the session socket takes text messages")
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        raise ProtocolError("the message is not JSON") from None
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise ProtocolError("the message is not a JSON object with a type")
    return message
