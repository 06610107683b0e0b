"""``POST start``: the first request of a SmallWebRTC client that knows only the server."""

from __future__ import annotations

from typing import Any

from tornado.web import authenticated

from smallrtc_lab.server.bodies import start_body

from .base import JsonRoute
from .offer import default_session

__all__ = ["Start"]


class Start(JsonRoute):
    """Names the session to send offers to, and ICE servers if there are any."""

    @authenticated
    async def post(self) -> None:
        """``{"sessionId", "iceConfig"}``."""
        wanted = start_body(self.json_body())
        answer: dict[str, Any] = {"sessionId": default_session(self)}
        if wanted["enableDefaultIceServers"] and self.broker.ice_servers:
            answer["iceConfig"] = {"iceServers": self.broker.ice_servers}
        self.finish(answer)
