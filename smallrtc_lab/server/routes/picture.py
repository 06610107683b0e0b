"""Pictures and sounds that a cell shows without saving them in the notebook."""

from __future__ import annotations

from tornado.web import authenticated

from smallrtc_lab.errors import RequestError

from .base import JsonRoute

__all__ = ["Picture"]

# What a browser shows and never runs.
_CONTENT_TYPES = frozenset({"image/jpeg", "image/png", "audio/wav"})


class Picture(JsonRoute):
    """``GET`` one, fresh from the engine."""

    @authenticated
    async def get(self, session_id: str, name: str) -> None:
        """The bytes of a picture or sound."""
        reply = await self.broker.request(session_id, "picture", {"name": name})
        if reply.status != 200:
            self.set_status(reply.status)
            self.finish(reply.body)
            return
        content_type = reply.body.get("content_type")
        if not isinstance(content_type, str) or content_type not in _CONTENT_TYPES:
            raise RequestError(502, "bad-reply", "The engine's answer is neither a picture nor a sound.")
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")
        # Not to be shown by a page of another origin, even one on this machine.
        self.set_header("Cross-Origin-Resource-Policy", "same-origin")
        self.finish(reply.payload, set_content_type=content_type)
