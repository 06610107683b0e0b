"""The socket of one view of a plot: pictures for it, and how it stands. Beside the session socket, never on it.

A page that reads slowly has its pictures wait here, in an outbox of the view's own: what else the page is told, and
other pages, never wait behind them.
"""

from __future__ import annotations

from .page_socket import PageSocket

__all__ = ["PlotSocket"]


class PlotSocket(PageSocket):
    """As the session socket, with a plot's name in the address; pictures are binary messages of ``framing.pack``."""
