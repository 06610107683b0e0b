"""``POST start``: the first request of a SmallWebRTC client that knows only the server."""

from __future__ import annotations

from typing import Any

from tornado.web import authenticated

from smallrtc_lab.bodies import start_body

from .base import GuestRoute

__all__ = ["Start"]


class Start(GuestRoute):
    """Gives out a name to send offers to, and ICE servers if there are any.

    ``sessions/{id}/start`` is for one served session, ``start`` for the one that is served longest.
    """

    @authenticated
    async def post(self, session_id: str | None = None) -> None:
        """``{"sessionId", "iceConfig"}``; offers to that session carry the ``body`` that was sent here."""
        wanted = start_body(self.json_body())
        session = session_id or self.guest_of or self.broker.default_session
        invitation = self.broker.invite(session, wanted["body"], relays=wanted["relay"])
        answer: dict[str, Any] = {"sessionId": invitation.name}
        if wanted["enableDefaultIceServers"] and self.broker.ice_servers:
            answer["iceConfig"] = {"iceServers": self.broker.ice_servers}
        self.finish(answer)

    def error_body(self, status_code: int, error: Any) -> dict[str, str]:
        """With ``detail``, where Pipecat's npm client looks for the sentence that it shows."""
        body = super().error_body(status_code, error)
        return body | {"detail": body["message"]}
