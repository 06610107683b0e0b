"""The page of a served bot, for a person's browser: the notebook's front end without a notebook."""

from __future__ import annotations

from pathlib import Path

from jupyter_server.base.handlers import JupyterHandler
from tornado.template import Template
from tornado.web import HTTPError, authenticated

from smallrtc_lab.places import find_place
from smallrtc_lab.server.broker import Broker

from .base import AUTH_RESOURCE, GuestRoute, require
from .guests import GuestsWelcome

__all__ = ["ClientFile", "ClientPage"]

STATIC = Path(__file__).parents[2] / "static"
_FILES = {
    "page.js": "text/javascript; charset=utf-8",
    "page.css": "text/css; charset=utf-8",
    "page.svg": "image/svg+xml",
}
# Its own files, requests and sockets to its own server; what it makes itself (`blob:`) are its clock (media/ticker.ts)
# and, where media is relayed, its AudioWorklets, whose code a browser takes for a script of the page.
_POLICY = (
    "default-src 'none'; script-src 'self' blob:; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "worker-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)


class ClientPage(GuestsWelcome):
    """``GET client/``: who is not logged in is sent to Jupyter's login page.

    ``?token=`` logs in, ``?guest_token=`` lets a guest in.
    """

    auth_resource = AUTH_RESOURCE

    def initialize(self, broker: Broker, title: str) -> None:
        """Called by tornado with the route's own arguments; ``title`` names what is served, or is empty."""
        self.broker = broker
        self.title = title

    @property
    def content_security_policy(self) -> str:
        """No script, style or request but this server's own."""
        return _POLICY

    def get_login_url(self) -> str:
        """A person asks here, unlike everywhere else."""
        return str(JupyterHandler.get_login_url(self))

    @authenticated
    async def get(self) -> None:
        """The page. Its address may hold a token: that goes to nobody, and the page takes it out of sight."""
        if self.guest_of is None:
            await require(self, "read")
        self.keep_guest()
        _ = self.xsrf_token  # sets its cookie, which the page's own requests need
        self.set_header("Cache-Control", "no-store")
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("Content-Type", "text/html; charset=utf-8")
        page = Template((STATIC / "page.html").read_text(encoding="utf-8"))
        relays = "true" if find_place().relays_at_once else ""
        self.finish(page.generate(base_url=self.broker.base_url, title=self.title, relays=relays))


class ClientFile(GuestRoute):
    """``GET client/{name}``: what the page is made of."""

    def session_asked(self) -> str | None:
        """None: the page looks the same for all."""
        return None

    @authenticated
    async def get(self, name: str) -> None:
        """One of the page's files; 404 for any other name."""
        if name not in _FILES:
            raise HTTPError(404)
        self.set_header("Cache-Control", "no-cache")  # its ETag answers for it
        self.finish((STATIC / name).read_bytes(), set_content_type=_FILES[name])
