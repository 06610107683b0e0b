"""What Jupyter and tornado say at every start and end, and that helps nobody: kept out of a person's terminal."""

from __future__ import annotations

import logging

__all__ = ["hush"]

# jupyter_server 2 hands its milliseconds to tornado 6.5, which takes them for seconds and warns; nothing comes of it.
_PINGS = "The websocket_ping_timeout"
_SIGNAL = "received signal"  # after Ctrl-C; our own last line says it


def hush(server_log: logging.Logger) -> None:
    """Drop these two lines: tornado's on the first WebSocket, and ``server_log``'s on the way out."""
    logging.getLogger("tornado.general").addFilter(lambda record: not record.getMessage().startswith(_PINGS))
    server_log.addFilter(lambda record: not record.getMessage().startswith(_SIGNAL))
