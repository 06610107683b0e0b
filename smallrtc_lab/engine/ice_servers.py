"""The STUN and TURN servers of one session: which list counts, and which of its servers are of use here.

A page gets the whole list: what does not answer the engine may answer the page. The engine uses those that answered it,
for aiortc takes only the first of each kind, and a silent one costs every connection a second and a half. A connection
that is asked for in the first second of a new list waits for that second at most; of a list that came with new
credentials only, what was good before is used. What was of no use is tried again when a connection is asked for: a
network may come late.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Protocol

from smallrtc_lab.rtc.connection import IceServer, to_ice_servers
from smallrtc_lab.rtc.ice_check import IceCheck, IceFinding, check_ice_servers, usable_ice_servers

__all__ = ["CREDENTIALS_FAILED", "IceEvents", "IceServers", "credentials_failed"]

logger = logging.getLogger(__name__)

CREDENTIALS_FAILED = "turn-credentials-failed"
_AGAIN_S = 10.0
_SETTLE_S = 1.0  # who has not answered by then is left out, until it has
_PROBLEMS = {
    IceFinding.REFUSED: (
        "The TURN server {url} refuses the user name and password ({detail}).",
        "Check username and credential in ice_servers; short-lived ones may have expired.",
    ),
    IceFinding.SILENT: (
        "The TURN server {url} does not answer.",
        "Check its address, and that this computer may reach it; the connection is tried without it.",
    ),
    IceFinding.UNTRUSTED: (
        "The TURN server {url} shows a certificate that this computer does not trust ({detail}).",
        "Name the file of the authority that signed it in SSL_CERT_FILE before the kernel starts, or use one that is "
        "known; the connection is tried without it.",
    ),
    IceFinding.FAILED: (
        "The TURN server {url} gives no address to relay through ({detail}).",
        "Ask whoever runs it; the connection is tried without it.",
    ),
}


class IceEvents(Protocol):
    """What is told of a server that is of no use."""

    def problem(self, code: str, message: str, next_step: str) -> None:
        """Something the person should know."""

    def clear_problem(self, code: str) -> None:
        """It is over."""


class IceServers:
    """``own`` is the list a Lab was made with, as JSON; None leaves the choice to the Jupyter server."""

    def __init__(
        self,
        own: list[dict[str, Any]] | None,
        *,
        use: Callable[[list[IceServer]], None],
        events: IceEvents,
    ) -> None:
        self.for_pages: list[dict[str, Any]] = own or []
        self._own = own
        self._use = use
        self._events = events
        self._task: asyncio.Task[None] | None = None
        self._again_from_s = float("inf")  # of the loop's time; without a useless server never
        self._told: set[str] = set()
        self._settled = asyncio.Event()  # it is known enough of the list for a connection
        self._settled.set()
        self._good: set[str] | None = None  # the URLs that answered well when all were tried last
        self._take(self.for_pages)

    def offered_by_server(self, servers: list[dict[str, Any]]) -> None:
        """The Jupyter server said hello and named its servers; they count when the Lab named none itself."""
        self._take(servers if self._own is None else self._own)

    def renew(self, servers: list[dict[str, Any]]) -> None:
        """The Lab's own servers, with new credentials or altogether new."""
        self._own = servers
        self._take(servers)

    async def needed(self) -> None:
        """A connection is about to be made: wait until it is known what to use, a second at most.

        What is tried again now is for the next one.
        """
        if asyncio.get_running_loop().time() >= self._again_from_s:
            self._begin(to_ice_servers(self.for_pages))
        while not (settled := self._settled).is_set():  # another list may come meanwhile
            await settled.wait()

    async def close(self) -> None:
        """Try no more; nobody waits for it."""
        self._settled.set()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _take(self, servers: list[dict[str, Any]]) -> None:
        same = _urls_of(servers) == _urls_of(self.for_pages)
        self.for_pages = servers
        given = to_ice_servers(servers)
        known = same and self._good is not None
        self._use(_only(given, self._good or set()) if known else given)
        self._begin(given, new=not known)

    def _begin(self, given: list[IceServer], *, new: bool = False) -> None:
        self._again_from_s = float("inf")
        if self._task is not None:
            self._task.cancel()
            self._task = None
        if new:
            self._settled.set()
            self._settled = asyncio.Event()
        if given:
            trying = self._try(given, self._settled)
            self._task = asyncio.get_running_loop().create_task(trying, name="try ICE servers")
        else:
            self._settled.set()
            self._tell([])

    async def _try(self, given: list[IceServer], settled: asyncio.Event) -> None:
        good: set[str] = set()

        def found(check: IceCheck) -> None:
            if check.finding is IceFinding.GOOD:
                good.add(check.url)

        def settle() -> None:
            if not settled.is_set():
                self._use(_only(given, good))
                settled.set()

        late = asyncio.get_running_loop().call_later(_SETTLE_S, settle)
        try:
            checks = await check_ice_servers(given, found=found)
        except Exception:  # border: without this check everything works as before
            logger.exception("the ICE servers could not be tried")
            return
        finally:
            late.cancel()
            settled.set()  # who waits goes on behind what follows here without a wait
        self._good = good
        self._use(usable_ice_servers(given, checks))
        if any(check.finding is not IceFinding.GOOD for check in checks):
            self._again_from_s = asyncio.get_running_loop().time() + _AGAIN_S
        self._tell(checks)

    def _tell(self, checks: list[IceCheck]) -> None:
        problems = {f"turn-{check.finding.value}": check for check in checks if _matters(check)}
        for code in self._told - set(problems):
            self._events.clear_problem(code)
        for code, check in problems.items():
            message, next_step = (
                text.format(url=check.url, detail=check.detail) for text in _PROBLEMS[check.finding]
            )
            self._events.problem(code, message, next_step)
        self._told = set(problems)
        for check in checks:
            if not check.is_turn and check.finding is not IceFinding.GOOD:
                logger.warning("the STUN server %s is left out: %s", check.url, check.finding.value)


def credentials_failed(failure: str) -> tuple[str, str]:
    """Message and next step of that problem; ``failure`` is a sentence without a secret."""
    return (
        f"No TURN credentials could be had from {failure}.",
        "Until they come, connections are made with those from before, or without TURN. It is tried again by itself.",
    )


def _only(given: list[IceServer], good: set[str]) -> list[IceServer]:
    """One server for each of these URLs."""
    return [
        IceServer(urls=[url], username=server.username, credential=server.credential)
        for server in given
        for url in server.urls
        if url in good
    ]


def _urls_of(servers: list[dict[str, Any]]) -> list[Any]:
    return [server["urls"] for server in servers]


def _matters(check: IceCheck) -> bool:
    return check.is_turn and check.finding in _PROBLEMS
