"""Where kernels find this server: two environment variables that they inherit.

``SMALLRTC_LAB_SERVER`` is the server's own URL on this machine with its base_url,
``http://127.0.0.1:8888/base/`` or ``http+unix://%2Frun%2Fjupyter.sock/base/``. ``SMALLRTC_LAB_SERVER_CERT``
is the certificate file of an https server, which the engine trusts and no other.
"""

from __future__ import annotations

import os
import urllib.parse
from collections.abc import MutableMapping
from dataclasses import dataclass

__all__ = ["CERTIFICATE_VARIABLE", "SERVER_VARIABLE", "ServerAddress"]

SERVER_VARIABLE = "SMALLRTC_LAB_SERVER"
CERTIFICATE_VARIABLE = "SMALLRTC_LAB_SERVER_CERT"
# Addresses to listen on that are none to dial.
_LOOPBACK = {"": "127.0.0.1", "*": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}


@dataclass(frozen=True, kw_only=True)
class ServerAddress:
    """Where a server listens; ``unix_socket`` is a path or empty, ``certificate`` a path or None."""

    ip: str
    port: int
    base_url: str
    unix_socket: str = ""
    secure: bool = False
    certificate: str | None = None

    @property
    def url(self) -> str:
        """The URL to dial."""
        if self.unix_socket:
            return f"http+unix://{urllib.parse.quote(self.unix_socket, safe='')}{self.base_url}"
        host = _LOOPBACK.get(self.ip, self.ip)
        host = f"[{host}]" if ":" in host else host
        return f"{'https' if self.secure else 'http'}://{host}:{self.port}{self.base_url}"

    def publish(self, environment: MutableMapping[str, str]) -> None:
        """Set the variables, over those of an outer server this one may have been started from."""
        self.withdraw(environment, only_own=False)
        environment[SERVER_VARIABLE] = self.url
        if self.secure and self.certificate:
            environment[CERTIFICATE_VARIABLE] = os.path.abspath(self.certificate)

    def withdraw(self, environment: MutableMapping[str, str], *, only_own: bool = True) -> None:
        """Remove the variables, unless another server of this process has set its own meanwhile."""
        if only_own and environment.get(SERVER_VARIABLE) != self.url:
            return
        environment.pop(SERVER_VARIABLE, None)
        environment.pop(CERTIFICATE_VARIABLE, None)
