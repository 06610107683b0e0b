"""Calls of the kernel about the network: new ICE servers for a Lab."""

from __future__ import annotations

from typing import Any

from .calls import CallGroup

__all__ = ["IceCalls"]


class IceCalls(CallGroup):
    """What a kernel may say of the STUN and TURN servers of its sessions."""

    async def call_ice_servers(
        self, session: str, ice_servers: list[dict[str, Any]] | None, failure: str | None
    ) -> None:
        """A Lab's own servers with new credentials, for its connections from now on; or why none came."""
        found = self.engine.find(session)
        if found is not None:
            found.renew_ice_servers(ice_servers, failure)
