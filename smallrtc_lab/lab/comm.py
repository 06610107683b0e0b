"""Pages that cannot reach the engine by a server extension, and speak to it through the widget's own comm.

Hosts without the extension are VS Code, Colab, and a Jupyter server that was not restarted after the installation. The
kernel's main thread hands on what pages say, so a cell that runs holds them up; what the engine says to them goes
out at once. Media does not go this way.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from smallrtc_lab.errors import SmallRTCError

from .access import Access

__all__ = ["PageComm"]

logger = logging.getLogger(__name__)

_KEY = "smallrtc"  # what else comes by the comm is the application's own
_METHODS = ("offer", "patch")
_LONGEST_NAME = 200


class PageComm:
    """The pages of one widget. ``send(content)`` is the widget's; it is called on the reader's thread, too."""

    def __init__(self, access: Access, send: Callable[[Any], None]) -> None:
        self._access = access
        self._send = send

    def received(self, widget: object, content: object, buffers: object) -> None:
        """A custom message of the widget's, see :meth:`ipywidgets.Widget.on_msg`. Others' are left alone."""
        said = content.get(_KEY) if isinstance(content, dict) else None
        page = said.get("page") if isinstance(said, dict) else None
        if not isinstance(said, dict) or not isinstance(page, str) or not 0 < len(page) <= _LONGEST_NAME:
            return
        match said.get("kind"):
            case "message":
                self._access.submit("comm_message", page=page, message=said.get("message"))
            case "left":
                self._access.submit("comm_left", page=page)
            case "request" if said.get("method") in _METHODS and isinstance(said.get("body"), dict):
                self._request(page, said)

    def tell(self, page: str, message: dict[str, Any]) -> None:
        """The engine says something to a page."""
        self._say(page, kind="message", message=message)

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
