"""The pages of a session: who is there, what they say, what they are told.

A page is a stranger: what it says is checked here before anything believes it.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

__all__ = ["Page", "PageEvents", "Pages"]

logger = logging.getLogger(__name__)

PAGE_VERSION = 1
STATES = frozenset({"idle", "asking", "connecting", "live", "reconnecting", "failed"})
ACTIVE = STATES - {"idle", "failed"}  # a page in one of these has devices open, or asks for them
Message = dict[str, Any]
_PAIRS = 40  # of a page's candidate pairs are listened to


class PageEvents(Protocol):
    """What a session wants to know of its pages."""

    def page_status(self, page: Page) -> None:
        """A page told its state or came or left."""

    def page_settings(self, settings: Message) -> None:
        """What the browser granted."""

    def page_stats(self, stats: Message) -> None:
        """The page's own figures, once a second."""

    def page_control(self, callback: str, name: str, value: Any) -> None:
        """A slider was moved."""

    def page_diagnosis(self, key: str, diagnosis: Message) -> None:
        """A page answered how things stand there."""


@dataclass
class Page:
    """One open page: ``key`` is the server's name for it, ``name`` the random one it gave itself.

    ``by_comm``: no server leads it here, so it stays when the link to the server is lost.
    """

    key: str
    by_comm: bool = False
    name: str | None = None
    state: str = "idle"
    error: Message | None = None
    visible: bool = True
    sent: dict[str, Message] = field(default_factory=dict)


class Pages:
    """All pages of one session. One of them at most, the owner, has its devices open; the others are told so."""

    def __init__(self, send: Callable[[str, Message], None], events: PageEvents) -> None:
        self._send = send
        self._events = events
        self._pages: dict[str, Page] = {}
        self._standing: dict[str, Message] = {}  # what a page that comes later must be told as well
        self._last_owner: str | None = None
        self._simulated = False
        self.owner: str | None = None  # the name of the page that has the devices
        self.greeting: Message = {}

    def __iter__(self) -> Iterator[Page]:
        return iter(self._pages.values())

    def __contains__(self, key: object) -> bool:
        return key in self._pages

    @property
    def visible(self) -> bool:
        """Whether anybody looks."""
        return any(page.visible for page in self._pages.values())

    def describe(self) -> list[Message]:
        """Each page's ``state`` and whether it is ``visible``, for ``lab.stats()``."""
        return [{"state": page.state, "visible": page.visible} for page in self._pages.values()]

    @property
    def problems(self) -> list[Message]:
        """What every page is told of as long as it stands."""
        return [message for message in self._standing.values() if message["type"] == "problem"]

    def find(self, name: str | None) -> Page | None:
        """The page that calls itself so."""
        return next((p for p in self._pages.values() if p.name == name), None)

    def opened(self, key: str, *, by_comm: bool = False) -> None:
        """A page's socket opened; it counts once it has said hello."""
        self._pages[key] = Page(key, by_comm)

    def closed(self, key: str) -> None:
        """A page's socket closed."""
        page = self._pages.pop(key, None)
        if page is None:
            return
        page.state = "idle"
        if page.name == self.owner and self.find(page.name) is None:  # else it has a new socket already
            self.own(None)
        self._events.page_status(page)

    def clear(self) -> None:
        """The link was lost, and every page's socket with it. The owner stays: its media need no link."""
        lost = [page for page in self._pages.values() if not page.by_comm]
        for page in lost:
            del self._pages[page.key]
        for page in lost:
            page.state = "idle"
            self._events.page_status(page)

    def own(self, name: str | None) -> None:
        """From now on the devices of this page are the session's, or nobody's; every page is told."""
        if name == self.owner:
            return
        self.owner = name
        self._last_owner = name or self._last_owner
        self._tell_owner_to_all()

    def simulate(self, simulated: bool) -> None:
        """A simulated browser is, or is no longer, what is live while no page has devices; every page is told."""
        if simulated == self._simulated:
            return
        self._simulated = simulated
        if self.owner is None:
            self._tell_owner_to_all()

    def invite(self) -> None:
        """Ask for a start: the page that had the devices last, or all while there was none."""
        last = [page for page in self._pages.values() if page.name == self._last_owner is not None]
        for page in last or self._pages.values():
            if page.name is not None:
                self._send(page.key, {"type": "command", "command": "start"})

    def tell(self, message: Message, *, standing: bool = False, key: str | None = None) -> None:
        """Tell every page. A standing message is told to later pages too, until one with the same key replaces it."""
        if standing:
            self._standing[key or str(message["type"])] = message
        for page in self._pages.values():
            if page.name is not None:
                self._send(page.key, message)

    def forget(self, key: str) -> bool:
        """A standing message no longer holds; whether there was one."""
        return self._standing.pop(key, None) is not None

    def received(self, key: str, message: object) -> None:
        """A page said something; what makes no sense is logged and dropped."""
        page = self._pages.get(key)
        if page is None or not isinstance(message, dict):
            return
        handler = getattr(self, f"_on_{message.get('type')}", None)
        if handler is None or (page.name is None and message.get("type") != "hello"):
            logger.warning("page sent an unexpected message of type %.40r", message.get("type"))
            return
        handler(page, message)

    def _on_hello(self, page: Page, message: Message) -> None:
        if message.get("version") != PAGE_VERSION or not _is_name(message.get("page")):
            problem = {
                "type": "problem",
                "code": "page-version",
                "message": "This page runs another version of smallrtc-lab than the kernel.",
                "next_step": "Reload the page.",
                "detail": None,
                "count": 1,
            }
            self._send(page.key, problem)
            return
        page.name = message["page"]
        page.visible = message.get("visible") is not False
        if self.owner is not None or self._simulated:
            self._tell_owner(page)
        self._send(page.key, {"type": "welcome", "version": PAGE_VERSION, **self.greeting})
        for standing in self._standing.values():
            self._send(page.key, standing)

    def _on_status(self, page: Page, message: Message) -> None:
        state = message.get("state")
        if not isinstance(state, str) or state not in STATES:
            return
        page.state = state
        page.error = _error(message.get("error"))
        active = state in ACTIVE
        if active and self.owner is None:
            self.own(page.name)
        elif active and self.owner != page.name:
            self._tell_owner(page)  # two were clicked at once: the first one has it
        elif not active and self.owner == page.name:
            self.own(None)
        self._events.page_status(page)

    def _on_claim(self, page: Page, message: Message) -> None:
        """*Take over* was pressed."""
        self.own(page.name)
        self._events.page_status(page)

    def _tell_owner_to_all(self) -> None:
        for page in self._pages.values():
            if page.name is not None:
                self._tell_owner(page)

    def _tell_owner(self, page: Page) -> None:
        if self.owner is None:
            who = "simulation" if self._simulated else "nobody"
        else:
            who = "you" if page.name == self.owner else "another"
        self._send(page.key, {"type": "owner", "who": who})

    def _on_settings(self, page: Page, message: Message) -> None:
        kinds = ("audio", "video", "screen")
        self._events.page_settings({k: v if isinstance(v := message.get(k), dict) else None for k in kinds})

    def _on_stats(self, page: Page, message: Message) -> None:
        self._events.page_stats({k: v for k, v in message.items() if _is_plain(v) and k != "type"})

    def _on_visible(self, page: Page, message: Message) -> None:
        page.visible = message.get("visible") is True

    def _on_control(self, page: Page, message: Message) -> None:
        callback, name, value = message.get("callback"), message.get("name"), message.get("value")
        if _is_name(callback) and _is_name(name) and _is_plain(value):
            self._events.page_control(str(callback), str(name), value)

    def _on_diagnosis(self, page: Page, message: Message) -> None:
        pairs = message.get("pairs")
        known = pairs[:_PAIRS] if isinstance(pairs, list) else []
        plain = {k: v for k, v in message.items() if _is_plain(v) and k != "type"}
        pairs = [{k: v for k, v in pair.items() if _is_plain(v)} for pair in known if isinstance(pair, dict)]
        self._events.page_diagnosis(page.key, {**plain, "pairs": pairs})


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 200


def _is_plain(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, (bool, int)) or (isinstance(value, str) and len(value) <= 1000)


def _error(value: object) -> Message | None:
    """The page's error as {code, message, next_step}, each a short text."""
    if not isinstance(value, dict):
        return None
    return {k: str(value.get(k) or "")[:1000] for k in ("code", "message", "next_step")}
