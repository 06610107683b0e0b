"""The session socket: a page's pipe to its session's engine."""

from __future__ import annotations

from jupyter_server.auth.decorator import ws_authenticated

from smallrtc_lab.errors import ProtocolError, RequestError
from smallrtc_lab.server.sessions import Page

from .base import AUTH_RESOURCE, require
from .sockets import SocketRoute, SocketWire

__all__ = ["PageSocket"]


class PageSocket(SocketRoute):
    """Messages of JSON text between a page and the engine."""

    auth_resource = AUTH_RESOURCE
    page: Page | None = None

    @property
    def max_message_size(self) -> int:
        """Larger messages end the socket with 1009."""
        return self.broker.limits.max_message_bytes

    @ws_authenticated  # type: ignore[untyped-decorator]
    async def get(self, session_id: str, plot: str | None = None) -> None:
        """Everything that can be refused is refused before the upgrade, with a status."""
        self.require_upgrade()
        origin = self.get_origin()
        if origin is not None and not self.check_origin(origin):
            raise RequestError(403, "origin-not-allowed", "Pages of this origin may not connect here.")
        await require(self, "execute")
        self.broker.pages.admit(session_id, plot)
        _ = self.xsrf_token  # sets its cookie: Voilà's pages have none, and offers are refused without
        await super().get(session_id, plot)

    def open(self, session_id: str, plot: str | None = None) -> None:
        """The page is connected."""
        super().open()
        self.hurry()
        wire = SocketWire(self)
        try:
            self.page = self.broker.pages.opened(session_id, wire, plot)
        except RequestError as error:  # another page took the last place meanwhile
            wire.close(4000 + error.status, error.message)

    async def on_message(self, message: str | bytes) -> None:
        """Tornado reads the next message when this one is done with."""
        if self.page is None:
            return
        try:
            await self.broker.pages.message(self.page, message)
        except ProtocolError as error:
            self.page.outbox.close(4400, str(error))

    def on_close(self) -> None:
        """The page is gone."""
        if self.page is not None:
            self.broker.pages.closed(self.page)
        self.ended.set()
