"""The extension as Jupyter sees it: settings, routes, a beginning and an end."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

from jupyter_server.extension.application import ExtensionApp

from .address import ServerAddress
from .broker import Broker
from .config import Settings
from .routes import routes

__all__ = ["SmallRTCLab"]


class SmallRTCLab(Settings, ExtensionApp):  # type: ignore[misc]
    """The routes under ``{base_url}smallrtc/``, and the broker behind them."""

    name = "smallrtc_lab"
    description = (
        "Live audio and video for notebooks: signaling between browser pages and the kernels' engines."
    )

    broker: Broker
    address: ServerAddress | None = None

    @property
    def title(self) -> str:
        """On the page of a served bot, where its address names no session."""
        return ""

    def initialize_settings(self) -> None:
        """Make the broker."""
        self.ice_server_book = self.ice_server_list(self.new_ice_servers)
        self.broker = Broker(
            self.limits(),
            ice_servers=self.ice_server_book,
            base_url=self.serverapp.web_app.settings["base_url"],
            on_activity=self.note_activity,
        )

    def initialize_handlers(self) -> None:
        """Register the routes."""
        self.handlers.extend(routes(self.broker, at_root=self.at_root, title=self.title))

    async def _start_jupyter_server_extension(self, serverapp: Any) -> None:
        """Tell kernels where the server is. Jupyter calls this when its port is bound, after all retries."""
        tls = serverapp.ssl_options or {}
        self.address = ServerAddress(
            ip=serverapp.ip,
            port=serverapp.port,
            base_url=self.broker.base_url,
            unix_socket=serverapp.sock,
            secure=bool(tls),
            certificate=tls.get("certfile"),
        )
        self.address.publish(os.environ)
        self.ice_server_book.start()
        self.log.info("smallrtc-lab: kernels reach this server at %s", self.address.url)

    async def stop_extension(self) -> None:
        """Close all sockets."""
        if self.address is not None:
            self.address.withdraw(os.environ)
            self.address = None
        await self.ice_server_book.close()
        await self.broker.close()

    def new_ice_servers(self, servers: list[dict[str, Any]] | None, failure: str | None) -> None:
        """Credentials were renewed, or could not be."""
        self.broker.tell_ice_servers(servers, failure)

    def note_activity(self, kernel_id: str) -> None:
        """Media flows and is visible: keep the culler of idle kernels, and of idle servers, away.

        It reads ``last_activity`` of the kernel's manager, which Jupyter sets from iopub messages only
        (jupyter_server, services/kernels/kernelmanager.py).
        """
        kernels = self.serverapp.kernel_manager
        if kernel_id in kernels:
            now = datetime.now(UTC)
            kernels.get_kernel(kernel_id).last_activity = now
            kernels.last_kernel_activity = now
