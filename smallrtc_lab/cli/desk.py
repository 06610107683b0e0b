"""What kind of place this process runs at. The only module here that knows operating systems apart."""

from __future__ import annotations

import errno
import os
import socket
import sys

__all__ = ["has_display", "is_root", "listening_problem"]


def has_display() -> bool:
    """Whether a browser window can be seen here; a set BROWSER is the person's own word that it can."""
    if not sys.platform.startswith("linux"):
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))


def is_root() -> bool:
    """Whether this process is root, whom Jupyter serves only when told so."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def listening_problem(host: str, port: int) -> str | None:
    """Why no server can listen there, as a sentence with what to do; None when one can. ``""`` is every address."""
    try:
        places = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, OverflowError) as error:
        return f"There is no {host}:{port} to listen on: {error}."
    for family, kind, protocol, _, address in places:
        try:
            with socket.socket(family, kind, protocol) as probe:
                if sys.platform != "win32":  # there it means something else
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind(address)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return f"Port {port} is taken by another program: choose another one with --port."
            if error.errno == errno.EACCES:
                return f"Port {port} may not be used by you: choose one above 1023 with --port."
            if len(places) == 1:
                return f"{host} is no address of this machine ({error.strerror})."
    return None
