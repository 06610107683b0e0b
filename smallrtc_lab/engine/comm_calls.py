"""Pages that no server extension leads to: what they say comes through the notebook's own comm, by the kernel.

It is the fallback of hosts without our extension. A busy cell holds it up, and the page says so; the media do
not go that way. Pictures of plots do, a few a second: a view acknowledges each, so one at most is under way.
"""

from __future__ import annotations

from typing import Any

from smallrtc_lab.bodies import offer_body, patch_body
from smallrtc_lab.errors import RequestError
from smallrtc_lab.framing import Header

from .answers import answer_to
from .bridge import Bridge
from .calls import CallGroup

__all__ = ["CommCalls", "by_comm", "show_by_comm", "tell_by_comm"]

_PREFIX = "comm:"
_CHECKS = {"offer": offer_body, "patch": patch_body}
# Jupyter's channel is everybody's: what cells print goes the same way.
_PLOT_RATE_HZ = 5.0


def by_comm(page: str) -> bool:
    """Whether a page's key is one of those that came this way."""
    return page.startswith(_PREFIX)


def tell_by_comm(bridge: Bridge, session: str, page: str, message: dict[str, Any]) -> None:
    """Hand a message for such a page to the kernel."""
    bridge.event(session, "to_page", page=page.removeprefix(_PREFIX), message=message)


def show_by_comm(
    bridge: Bridge, session: str, plot: str, page: str, message: dict[str, Any], picture: bytes
) -> None:
    """Hand a message for such a view of a plot to the kernel; a picture may be missed."""
    about = {"plot": plot, "page": page.removeprefix(_PREFIX), "message": message}
    bridge.event(session, "to_view", droppable=bool(picture), payload=picture, **about)


class CommCalls(CallGroup):
    """What the kernel hands on for a page. ``page`` is the name that the page gave itself."""

    async def call_comm_message(self, session: str, page: str, message: Any) -> None:
        """A message of the session socket; a page's first one opens it."""
        opened, key = self.engine.session(session), _PREFIX + page
        if key not in opened.pages:
            if not opened.pages.greeting:  # no server has said anything: nothing is limited
                opened.welcomed({"ice_servers": [], "limits": {}})
            opened.pages.opened(key, by_comm=True)
        opened.pages.received(key, message)

    async def call_comm_left(self, session: str, page: str) -> None:
        """The page has gone, or its view."""
        found = self.engine.find(session)
        if found is not None:
            found.pages.closed(_PREFIX + page)

    async def call_comm_plot(self, session: str, plot: str, page: str, message: Any) -> None:
        """A message of a plot's socket; a view's first one opens it."""
        plotting, key = self.engine.session(session).plotting, _PREFIX + page
        if key not in plotting:
            plotting.opened(plot, key, most_hz=_PLOT_RATE_HZ)
        plotting.received(key, message)

    async def call_comm_plot_left(self, session: str, page: str) -> None:
        """The view has gone."""
        found = self.engine.find(session)
        if found is not None:
            await found.plotting.closed(_PREFIX + page)

    async def call_comm_request(self, session: str, asked: str, body: dict[str, Any]) -> Header:
        """An offer or candidates; the answer with its status, as the server would give it."""
        try:
            checked = _CHECKS[asked](body)
        except RequestError as error:
            return {"status": error.status, "body": error.to_json()}
        answer = await answer_to(self.engine.find(session), asked, checked)
        return {"status": answer.status, "body": answer.body}
