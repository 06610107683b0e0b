"""What all HTTP routes share: who may ask, how large a body may be, errors as JSON."""

from __future__ import annotations

from typing import Any

from jupyter_server.base.handlers import APIHandler
from tornado.web import HTTPError, stream_request_body

from smallrtc_lab.errors import RequestError
from smallrtc_lab.server.bodies import parsed_object
from smallrtc_lab.server.broker import Broker

from .errors import JsonErrors

__all__ = ["AUTH_RESOURCE", "JsonRoute"]

AUTH_RESOURCE = "smallrtc"
_ACTIONS = {"GET": "read", "HEAD": "read", "POST": "write", "PATCH": "write"}


@stream_request_body
class JsonRoute(JsonErrors, APIHandler):  # type: ignore[misc]
    """A route for somebody Jupyter knows. The body is counted as it comes: a huge one is never held."""

    auth_resource = AUTH_RESOURCE

    def initialize(self, broker: Broker) -> None:
        """Called by tornado with the route's own arguments."""
        self.broker = broker
        self._body = bytearray()
        self._too_large = False

    async def prepare(self) -> None:
        """Authentication, XSRF, origin and authorization, before the first byte of the body is read."""
        await super().prepare()
        if self._finished or self.request.method == "OPTIONS":
            return
        if self.current_user is None:
            raise HTTPError(403)
        action = _ACTIONS.get(self.request.method)
        if action is not None:
            await require(self, action)
        if int(self.request.headers.get("Content-Length", 0)) > self.broker.limits.max_body_bytes:
            self._refuse_large()

    def data_received(self, chunk: bytes) -> None:
        """A piece of the body; without a length in its head it is only now seen to be too large."""
        if len(self._body) + len(chunk) > self.broker.limits.max_body_bytes:
            self._too_large = True
            self._body.clear()
        elif not self._too_large:
            self._body += chunk

    def json_body(self) -> dict[str, Any]:
        """The body as a JSON object; raises :class:`RequestError` 400 or 413."""
        if self._too_large:
            self._refuse_large()
        return parsed_object(bytes(self._body))

    def _refuse_large(self) -> None:
        # The rest of the body is not worth reading.
        self.set_header("Connection", "close")
        limit = self.broker.limits.max_body_bytes
        raise RequestError(413, "too-large", f"The body is larger than {limit} bytes.")


async def require(handler: JsonErrors, action: str) -> None:
    """Ask Jupyter's authorizer, whose answer may have to be awaited; raises 403."""
    allowed = handler.authorizer.is_authorized(handler, handler.current_user, action, AUTH_RESOURCE)
    if not isinstance(allowed, bool):
        allowed = await allowed
    if not allowed:
        raise RequestError(403, "not-authorized", "You may not do this on this Jupyter server.")
