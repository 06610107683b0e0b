"""What a person reads in the terminal, and what is kept out of it because it helps nobody."""

from __future__ import annotations

import logging
import os
import sys

__all__ = ["hush", "say"]

# jupyter_server 2 hands its milliseconds to tornado 6.5, which takes them for seconds and warns; nothing comes of it.
_PINGS = "The websocket_ping_timeout"
_SIGNAL = "received signal"  # after Ctrl-C; our own last line says it


def hush(server_log: logging.Logger) -> None:
    """Drop these two lines: tornado's on the first WebSocket, and ``server_log``'s on the way out."""
    logging.getLogger("tornado.general").addFilter(lambda record: not record.getMessage().startswith(_PINGS))
    server_log.addFilter(lambda record: not record.getMessage().startswith(_SIGNAL))


def say(text: str) -> None:
    """Print it; whoever read what came before may have gone, as with `smallrtc-lab demo | head`."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        # Python flushes once more at its end, and would complain again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
