"""Pages that cannot reach the engine by a server extension, and speak to it through the widget's own comm.

Hosts without the extension are VS Code, Colab, and a Jupyter server that was not restarted after the installation. The
kernel's main thread hands on what pages say, so a cell that runs holds them up; what the engine says to them goes
out at once. Media does not go this way; the pictures of plots do, a few a second.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from smallrtc_lab.errors import SmallRTCError

from .access import Access
from .home import find_home

__all__ = ["PageComm", "PlotComm"]

logger = logging.getLogger(__name__)

_KEY = "smallrtc"  # what else comes by the comm is the application's own
_METHODS = ("offer", "patch")
_LONGEST_NAME = 200
_MOST_PAGES = 100  # are remembered, to be told when the engine comes back


def _said(content: object) -> tuple[str, dict[str, Any]] | None:
    """The name that a page gave itself, and what it said; None for what is the application's own."""
    said = content.get(_KEY) if isinstance(content, dict) else None
    page = said.get("page") if isinstance(said, dict) else None
    if not isinstance(said, dict) or not isinstance(page, str) or not 0 < len(page) <= _LONGEST_NAME:
        return None
    return page, said


class PageComm:
    """The pages of one widget. ``send(content)`` is the widget's; it is called on the reader's thread, too."""

    def __init__(self, access: Access, send: Callable[[Any], None]) -> None:
        self._access = access
        self._send = send
        self._pages: dict[str, None] = {}

    def received(self, widget: object, content: object, buffers: object) -> None:
        """A custom message of the widget's, see :meth:`ipywidgets.Widget.on_msg`. Others' are left alone."""
        found = _said(content)
        if found is None:
            return
        page, said = found
        match said.get("kind"):
            case "message":
                self._meet(page, said.get("message"))
                self._access.submit("comm_message", page=page, message=said.get("message"))
            case "left":
                self._pages.pop(page, None)
                self._access.submit("comm_left", page=page)
            case "request" if said.get("method") in _METHODS and isinstance(said.get("body"), dict):
                self._request(page, said)

    def tell(self, page: str, message: dict[str, Any]) -> None:
        """The engine says something to a page."""
        self._say(page, kind="message", message=message)

    def tell_all(self, state: str) -> None:
        """The engine is ``absent``, or ``here`` again and knows none of its pages."""
        for page in list(self._pages):
            self.tell(page, {"type": "engine", "state": state})

    def _meet(self, page: str, message: object) -> None:
        """A page that says hello is told where it is."""
        if not isinstance(message, dict) or message.get("type") != "hello":
            return
        if len(self._pages) < _MOST_PAGES:
            self._pages[page] = None
        client = self._access.client
        self._say(page, kind="home", home=find_home(client.link_state, client.link_reason).to_json())

    def _request(self, page: str, said: dict[str, Any]) -> None:
        def answer(future: Future[Any]) -> None:
            try:
                result = future.result()[0]
            except SmallRTCError as error:  # the engine has gone meanwhile
                body = {"message": str(error), "reason": "engine-gone"}
                result = {"status": 503, "body": body}
            self._say(page, kind="answer", id=said.get("id"), **result)

        try:
            future = self._access.ask("comm_request", asked=said["method"], body=said["body"])
        except SmallRTCError as error:
            logger.debug("a page asked a lab that is closed: %s", error)
        else:
            future.add_done_callback(answer)

    def _say(self, page: str, **said: Any) -> None:
        if not self._access.closed:
            self._send({_KEY: {"page": page, **said}})


class PlotComm:
    """The views of one plot. ``send(content, buffers)`` is its widget's; it is called on the reader's thread, too."""

    def __init__(self, access: Access, plot: str, send: Callable[[Any, Any], None]) -> None:
        self._access = access
        self._plot = plot
        self._send = send
        self._pages: dict[str, None] = {}

    def received(self, widget: object, content: object, buffers: object) -> None:
        """A custom message of the widget's: what a view says of itself, or that it has left."""
        found = _said(content)
        if found is None:
            return
        page, said = found
        if said.get("kind") == "message":
            if len(self._pages) < _MOST_PAGES:
                self._pages[page] = None
            self._access.submit("comm_plot", plot=self._plot, page=page, message=said.get("message"))
        elif said.get("kind") == "left":
            self._pages.pop(page, None)
            self._access.submit("comm_plot_left", page=page)

    def greet_again(self) -> None:
        """A new engine runs, and knows no view."""
        for page in list(self._pages):
            self.tell(page, {"type": "engine", "state": "here"}, b"")

    def tell(self, page: str, message: dict[str, Any], picture: bytes) -> None:
        """The engine says something to a view; with a picture, its JPEG file."""
        if not self._access.closed:
            content = {_KEY: {"page": page, "kind": "message", "message": message}}
            self._send(content, [picture] if picture else None)
