"""What all HTTP routes share: who may ask, how large a body may be, errors as JSON."""

from __future__ import annotations

from typing import Any

from jupyter_server.base.handlers import APIHandler
from tornado.web import HTTPError, stream_request_body

from smallrtc_lab.bodies import parsed_object
from smallrtc_lab.errors import RequestError
from smallrtc_lab.server.broker import Broker

from .errors import JsonErrors
from .guests import GuestsWelcome

__all__ = ["AUTH_RESOURCE", "GuestRoute", "JsonRoute", "require"]

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
        self._reads_body = False

    async def prepare(self) -> None:
        """Authentication, XSRF, origin and authorization, before the first byte of the body is read."""
        await super().prepare()
        if self._finished or self.request.method == "OPTIONS":
            return
        if self.current_user is None:
            raise HTTPError(403)
        await self.permit()
        if int(self.request.headers.get("Content-Length", 0)) > self.broker.limits.max_body_bytes:
            self._refuse_large()
        self._reads_body = True

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """tornado closes the connection of a body that it did not read: a client that keeps connections must know."""
        if not self._reads_body:
            self.set_header("Connection", "close")
        super().write_error(status_code, **kwargs)

    async def permit(self) -> None:
        """Ask Jupyter's authorizer whether this may be done; raises 403."""
        action = _ACTIONS.get(str(self.request.method))
        if action is not None:
            await require(self, action)

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
        self.set_header("Connection", "close")  # the rest of the body is not worth reading
        limit = self.broker.limits.max_body_bytes
        raise RequestError(413, "too-large", f"The body is larger than {limit} bytes.")


class GuestRoute(GuestsWelcome, JsonRoute):
    """A route for guests, too: their link is their permission, for one session."""

    async def permit(self) -> None:
        """A guest may ask for its own session; everybody else as everywhere."""
        if self.guest_of is None:
            await super().permit()
        self.check_guest(self.session_asked())

    def session_asked(self) -> str | None:
        """The session that the address names, if it names one."""
        return str(self.path_args[0]) if self.path_args else None


async def require(handler: JsonErrors, action: str) -> None:
    """Ask Jupyter's authorizer, whose answer may have to be awaited; raises 403."""
    allowed = handler.authorizer.is_authorized(handler, handler.current_user, action, AUTH_RESOURCE)
    if not isinstance(allowed, bool):
        allowed = await allowed
    if not allowed:
        raise RequestError(403, "not-authorized", "You may not do this on this Jupyter server.")
