"""Offers and candidates, as clients of the SmallWebRTC protocol send them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tornado.web import authenticated

from smallrtc_lab.bodies import offer_body, patch_body

from .base import GuestRoute

__all__ = ["DefaultOffer", "Offer"]


class _Asking(GuestRoute):
    async def _ask(
        self, session_id: str, method: str, checked: Callable[[dict[str, Any]], dict[str, Any]]
    ) -> None:
        reply = await self.broker.request(session_id, method, checked(self.json_body()))
        self.set_status(reply.status)
        self.finish(reply.body)


class Offer(_Asking):
    """``POST`` an offer, ``PATCH`` candidates; answered by the session's engine."""

    @authenticated
    async def post(self, session_id: str) -> None:
        """An offer for an answer."""
        await self._ask(session_id, "offer", offer_body)

    @authenticated
    async def patch(self, session_id: str) -> None:
        """Candidates that were found after the offer was sent (trickle ICE, RFC 8838)."""
        await self._ask(session_id, "patch", patch_body)


class DefaultOffer(_Asking):
    """The same without a session's name, for clients that know only the server."""

    @authenticated
    async def post(self) -> None:
        """An offer for an answer."""
        await self._ask(self.guest_of or self.broker.default_session, "offer", offer_body)

    @authenticated
    async def patch(self) -> None:
        """Candidates that were found after the offer was sent."""
        await self._ask(self.guest_of or self.broker.default_session, "patch", patch_body)
