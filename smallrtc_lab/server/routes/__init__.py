"""The routes of the extension, relative to base_url. Everything below ``smallrtc/`` is answered here."""

from __future__ import annotations

from typing import Any

from smallrtc_lab.server.broker import Broker

from .link_socket import LinkSocket
from .missing import Missing
from .offer import DefaultOffer, Offer
from .page_socket import PageSocket
from .picture import Picture
from .start import Start

__all__ = ["routes"]


def routes(broker: Broker, *, at_root: bool) -> list[tuple[str, Any, dict[str, Any]]]:
    """Pattern, handler and what the handler is made with; ``at_root``: the protocol's own addresses work, too."""
    protocol: list[tuple[str, Any]] = [
        (r"start", Start),
        (r"api/offer", DefaultOffer),
        (r"sessions/([^/]+)/start", Start),
        (r"sessions/([^/]+)/api/offer", Offer),
    ]
    table: list[tuple[str, Any]] = [
        *((f"smallrtc/{pattern}", handler) for pattern, handler in protocol),
        *((rf"/{pattern}", handler) for pattern, handler in protocol if at_root),
        (r"smallrtc/sessions/([^/]+)/pictures/([^/]+)", Picture),
        (r"smallrtc/sessions/([^/]+)/socket", PageSocket),
        (r"smallrtc/link", LinkSocket),
        (r"smallrtc/.*", Missing),
    ]
    return [(pattern, handler, {"broker": broker}) for pattern, handler in table]
