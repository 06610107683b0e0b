"""The relay socket of a page: sound, pictures and messages as binary packets, where WebRTC finds no path."""

from __future__ import annotations

from jupyter_server.auth.decorator import ws_authenticated

from smallrtc_lab.errors import RequestError
from smallrtc_lab.server.relays import RelaySocket

from .base import AUTH_RESOURCE, require
from .guests import GuestsWelcome
from .sockets import SocketRoute, SocketWire

__all__ = ["MediaSocket"]


class MediaSocket(GuestsWelcome, SocketRoute):
    """Who may open the session socket may open this one, and a guest that of the session whose link it has."""

    auth_resource = AUTH_RESOURCE
    relay: RelaySocket | None = None

    @property
    def max_message_size(self) -> int:
        """Larger packets end the socket with 1009."""
        return self.broker.limits.max_media_bytes

    @ws_authenticated  # type: ignore[untyped-decorator]
    async def get(self, session_id: str) -> None:
        """Everything that can be refused is refused before the upgrade, with a status."""
        self.require_upgrade()
        origin = self.get_origin()
        if origin is not None and not self.check_origin(origin):
            raise RequestError(403, "origin-not-allowed", "Pages of this origin may not connect here.")
        if self.guest_of is None:
            await require(self, "execute")
        self.check_guest(session_id)
        self.broker.relays.admit(session_id)
        await super().get(session_id)

    def open(self, session_id: str) -> None:
        """The page is connected."""
        super().open()
        self.hurry()
        wire = SocketWire(self)
        try:
            self.relay = self.broker.relays.opened(session_id, wire)
        except RequestError as error:  # the engine left, or another page took the last place, meanwhile
            wire.close(4000 + error.status, error.message)

    async def on_message(self, message: str | bytes) -> None:
        """Tornado reads the next message when this one is done with."""
        if self.relay is None:
            return
        if isinstance(message, str):
            self.relay.outbox.close(4400, "a relay socket takes binary messages")
        else:
            await self.broker.relays.message(self.relay, message)

    def on_close(self) -> None:
        """The page is gone."""
        if self.relay is not None:
            self.broker.relays.closed(self.relay)
        self.ended.set()
