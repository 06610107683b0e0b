"""The routes of the extension, relative to base_url. Everything below ``smallrtc/`` is answered here."""

from __future__ import annotations

from typing import Any

from smallrtc_lab.server.broker import Broker

from .client import ClientFile, ClientPage
from .link_socket import LinkSocket
from .media_socket import MediaSocket
from .missing import Missing
from .offer import DefaultOffer, Offer
from .page_socket import PageSocket
from .picture import Picture
from .plot_socket import PlotSocket
from .recording import RecordingFile
from .start import Start

__all__ = ["routes"]


def routes(broker: Broker, *, at_root: bool, title: str) -> list[tuple[str, Any, dict[str, Any]]]:
    """Pattern, handler and what the handler is made with.

    ``at_root``: the protocol's own addresses and the page work there, too. ``title`` is on the page.
    """
    protocol: list[tuple[str, Any]] = [
        (r"start", Start),
        (r"api/offer", DefaultOffer),
        (r"sessions/([^/]+)/start", Start),
        (r"sessions/([^/]+)/api/offer", Offer),
        (
            r"sessions/[^/]+/sessions/([^/]+)/api/offer",
            Offer,
        ),  # as Pipecat's npm client makes it of its start
        (r"client/", ClientPage),
        (r"client/([^/]+)", ClientFile),
    ]
    table: list[tuple[str, Any]] = [
        *((f"smallrtc/{pattern}", handler) for pattern, handler in protocol),
        *((rf"/{pattern}", handler) for pattern, handler in protocol if at_root),
        (r"smallrtc/sessions/([^/]+)/pictures/([^/]+)", Picture),
        (r"smallrtc/sessions/([^/]+)/recordings/([^/]+)/([^/]+)", RecordingFile),
        (r"smallrtc/sessions/([^/]+)/socket", PageSocket),
        (r"smallrtc/sessions/([^/]+)/plots/([^/]+)/socket", PlotSocket),
        (r"smallrtc/sessions/([^/]+)/media", MediaSocket),
        (r"smallrtc/link", LinkSocket),
        (r"smallrtc/.*", Missing),
    ]
    return [
        (pattern, handler, {"broker": broker} | ({"title": title} if handler is ClientPage else {}))
        for pattern, handler in table
    ]
