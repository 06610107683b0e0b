"""The link of an engine, or of a program that serves a bot.

No page may come here: a browser always says its origin, and an engine has none.
"""

from __future__ import annotations

from jupyter_server.auth.decorator import allow_unauthenticated

from smallrtc_lab.errors import ProtocolError, RequestError
from smallrtc_lab.server.exchange import Link
from smallrtc_lab.server.proof import proves

from .sockets import SocketRoute, SocketWire

__all__ = ["LinkSocket"]


class LinkSocket(SocketRoute):
    """Binary messages of ``framing.pack`` between the server and one kernel's engine."""

    link: Link | None = None

    @property
    def max_message_size(self) -> int:
        """Larger messages end the socket with 1009."""
        return self.broker.limits.max_link_message_bytes

    @allow_unauthenticated  # type: ignore[untyped-decorator]
    async def get(self) -> None:
        """The proof stands for a login: it shows that a kernel of this server dials."""
        if self.get_origin() is not None:
            raise RequestError(403, "origin-not-allowed", "The link is for engines, not for pages.")
        self.require_upgrade()
        self.kernel_id = self._proven_kernel()
        await super().get()

    def open(self) -> None:
        """The engine is connected."""
        super().open()
        self.hurry()
        wire = SocketWire(self)
        try:
            self.link = self.broker.link_opened(self.kernel_id, wire)
        except RequestError as error:
            wire.close(1001, error.message)

    def on_message(self, message: str | bytes) -> None:
        """The engine said something."""
        if self.link is None:
            return
        try:
            if isinstance(message, str):
                raise ProtocolError("the link takes binary messages")
            self.broker.link_message(self.link, message)
        except ProtocolError as error:
            self.log.warning("link of kernel %s closed: %s", self.kernel_id, error)
            self.link.outbox.close(4400, str(error))

    def on_close(self) -> None:
        """The engine is gone."""
        if self.link is not None:
            self.broker.link_closed(self.link)
        self.ended.set()

    def _proven_kernel(self) -> str:
        kernel_id = self.request.headers.get("X-SmallRTC-Kernel", "")
        proof = self.request.headers.get("X-SmallRTC-Proof", "")
        key = self._key_of(kernel_id)
        if key is None:
            raise RequestError(403, "unknown-kernel", "This Jupyter server has no such kernel.")
        if not proves(proof, kernel_id, key):
            raise RequestError(403, "wrong-proof", "This is not the proof of that kernel.")
        return kernel_id

    def _key_of(self, name: str) -> bytes | None:
        """The key of a kernel, of a program beside one (``{kernel id}/{name}``), or of one this server started."""
        if name in self.broker.programs:
            return self.broker.programs[name]
        kernel_id = name.partition("/")[0]
        if kernel_id not in self.kernel_manager:
            return None
        return bytes(self.kernel_manager.get_kernel(kernel_id).session.key)
