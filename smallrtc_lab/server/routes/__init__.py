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


def routes(broker: Broker) -> list[tuple[str, Any, dict[str, Any]]]:
    """Pattern, handler and what the handler is made with."""
    table: list[tuple[str, Any]] = [
        (r"smallrtc/start", Start),
        (r"smallrtc/api/offer", DefaultOffer),
        (r"smallrtc/sessions/([^/]+)/api/offer", Offer),
        (r"smallrtc/sessions/([^/]+)/pictures/([^/]+)", Picture),
        (r"smallrtc/sessions/([^/]+)/socket", PageSocket),
        (r"smallrtc/link", LinkSocket),
        (r"smallrtc/.*", Missing),
    ]
    return [(pattern, handler, {"broker": broker}) for pattern, handler in table]
