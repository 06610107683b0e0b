"""Guests: who has the link of one served session may meet what is served there, and nothing else of this server.

The link carries ``?guest_token=``; programs may send ``Authorization: guest <token>``; the page of a served bot keeps
it in a signed cookie. Whoever Jupyter knows is no guest.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from jupyter_server.auth import User

from smallrtc_lab.errors import RequestError
from smallrtc_lab.server.broker import Broker

from .errors import JsonErrors

__all__ = ["GuestsWelcome"]

_COOKIE = "smallrtc-guest"
_SCHEME = "guest "


class _Identity:
    """Jupyter's identity provider, and guests beside it. Everything else is the provider's own."""

    def __init__(self, provider: Any) -> None:
        self._provider = provider

    def __getattr__(self, name: str) -> Any:
        return getattr(self._provider, name)

    async def get_user(self, handler: GuestsWelcome) -> Any:
        """Whom Jupyter knows, else a guest, else None."""
        user = self._provider.get_user(handler)
        if isinstance(user, Awaitable):
            user = await user
        return user if user is not None else handler.welcome_guest()

    def is_token_authenticated(self, handler: GuestsWelcome) -> bool:
        """Whether the request itself holds the secret, so that no other site can have made it."""
        return handler.guest_by_request or bool(self._provider.is_token_authenticated(handler))


class GuestsWelcome(JsonErrors):
    """A handler that admits guests, of ``guest_of`` alone."""

    broker: Broker
    guest_of: str | None = None  # the session whose guest asks; None: Jupyter knows who asks
    guest_by_request = False

    @property
    def identity_provider(self) -> Any:
        """Who knows people: Jupyter, and the links of what is served."""
        return _Identity(super().identity_provider)

    def welcome_guest(self) -> User | None:
        """A guest, when the request carries the link of a session that is served."""
        shown = self._shown_in_request()
        self.guest_of = self.broker.session_of_guest(shown or self._shown_in_cookie())
        self.guest_by_request = self.guest_of is not None and bool(shown)
        return None if self.guest_of is None else User(username="guest", name="Guest", display_name="Guest")

    def keep_guest(self) -> None:
        """Let the page's own requests be the guest's, until the browser is closed."""
        shown = self._shown_in_request()
        if self.guest_of is not None and shown:
            secure = self.request.protocol == "https"
            self.set_signed_cookie(
                _COOKIE,
                shown,
                expires_days=None,
                path=self.broker.base_url,
                httponly=True,
                samesite="Strict",
                secure=secure,
            )

    def check_guest(self, session: str | None) -> None:
        """Raise :class:`RequestError` 403 when a guest asks for anything but the session whose link it has."""
        if self.guest_of is not None and not self.broker.leads_to(session, self.guest_of):
            raise RequestError(403, "not-your-session", "Your link opens another session.")

    def _shown_in_request(self) -> str:
        header = self.request.headers.get("Authorization", "")
        if header.lower().startswith(_SCHEME):
            return str(header[len(_SCHEME) :]).strip()
        return str(self.get_query_argument("guest_token", ""))

    def _shown_in_cookie(self) -> str:
        value = self.get_signed_cookie(_COOKIE)
        return value.decode() if value else ""
