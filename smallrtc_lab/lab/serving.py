"""``serve(bot)``: a path of its own on the Jupyter server that clients from outside join."""

from __future__ import annotations

import html
import re
import secrets
from collections import deque
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote, urlsplit

from smallrtc_lab.errors import SmallRTCError

from .cell import CellOutput, link_arguments
from .prints import LogPane, prints
from .registry import registry

if TYPE_CHECKING:
    from smallrtc_lab.bots.arguments import Bot
    from smallrtc_lab.bots.served import ServedClient

__all__ = ["Serving", "serve"]

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,63}")
_LINES = 100
_STYLE = "max-height:20em;overflow:auto;white-space:pre-wrap;overflow-wrap:anywhere;padding:2px 8px;margin:0"


class _Server(Protocol):
    """What serves: bots in this kernel, or a process of their own."""

    def open(self) -> None:
        """Begin."""

    def close(self) -> None:
        """End, and tell every client."""

    @property
    def clients(self) -> list[ServedClient] | None:
        """Who is here; None when that is known elsewhere only."""


class Board:
    """What bots print and report, under the cell that serves them: the newest hundred lines. From any thread."""

    def __init__(self) -> None:
        self._output = CellOutput()
        self._output.show("", "")
        self._lines: deque[str] = deque(maxlen=_LINES)
        self._pane = LogPane(self._add)

    def report(self, text: str) -> None:
        """Something went wrong, or stands otherwise now."""
        self._add(text)

    def printing(self) -> AbstractContextManager[object]:
        """What the thread prints inside comes here, twenty lines a second of it."""
        return prints.to(self._pane)

    def line(self, text: str) -> None:
        """A line that another process printed."""
        self._pane(text)

    def _add(self, text: str) -> None:
        self._lines.extend(text.splitlines())
        everything = "\n".join(self._lines)
        self._output.show(everything, f'<pre style="{_STYLE}">{html.escape(everything)}</pre>')


class Serving:
    """What :func:`serve` began. Shown in a cell: where clients join, and who is here."""

    def __init__(self, name: str, base_path: str, guest_token: str, server: _Server) -> None:
        self.name = name
        self._base_path = base_path
        self._guest_token = guest_token
        self._server = server
        self._closed = False

    @property
    def offer_path(self) -> str:
        """Where clients send their offers, on this Jupyter server."""
        return f"{self._base_path}smallrtc/sessions/{quote(self.name)}/api/offer"

    @property
    def start_path(self) -> str:
        """Where clients of Pipecat's protocol begin, on this Jupyter server."""
        return f"{self._base_path}smallrtc/sessions/{quote(self.name)}/start"

    @property
    def page_path(self) -> str:
        """A web page to meet the bot, on this Jupyter server, for who is logged in there."""
        return f"{self._base_path}smallrtc/client/?session={quote(self.name)}"

    @property
    def guest_path(self) -> str:
        """The same page for guests: who has it may meet this bot until it is closed, and nothing else of this server.

        It holds a secret, so it is never shown unasked: give it to whom it is for, and clear the output of the cell
        that shows it before the notebook is saved. Programs send ``Authorization: guest <the guest_token in it>``.
        """
        return f"{self.page_path}&guest_token={self._guest_token}"

    @property
    def clients(self) -> list[ServedClient]:
        """Who is here, longest first; raises :class:`SmallRTCError` for a bot in a process of its own."""
        clients = self._server.clients
        if clients is None:
            raise SmallRTCError("the clients of a bot in a process of its own are known there only")
        return clients

    def close(self) -> None:
        """Serve no more: every client is told, every bot ends. Safe to call twice."""
        if not self._closed:
            self._closed = True
            registry.serves_no_longer(self)
            self._server.close()

    def __enter__(self) -> Serving:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Serving({self.name!r}, {self._standing()}, {self.offer_path})"

    def _repr_html_(self) -> str:
        link = f'<a href="{self.page_path}" target="_blank" rel="noopener">open its page</a>'
        where = link if not self._closed else ""
        return f"<b>{html.escape(self.name)}</b>: {html.escape(self._standing())}. {where}"

    def _standing(self) -> str:
        if self._closed:
            return "served no longer"
        clients = self._server.clients
        if clients is None:
            return "served in a process of its own"
        since = ", ".join(f"{datetime.fromtimestamp(one.since_s):%H:%M:%S}" for one in clients)
        count = {0: "nobody here", 1: "1 client here since"}.get(
            len(clients), f"{len(clients)} clients here, since"
        )
        return f"served, {count} {since}".rstrip()


def serve(
    bot: Bot | str | Path,
    *,
    name: str | None = None,
    single: bool = False,
    max_connections: int | None = None,
) -> Serving:
    """Let clients from outside meet ``bot``, an ``async def bot(runner_args)``, at a path of its own.

    Each client gets a bot on a thread and loop of its own in this kernel, its media in the engine; a file's bot runs in
    a process of its own. What bots print and raise is shown under this cell. ``name`` is part of the path (without it
    the name of the function or file); serving under the same name again takes its place.

    Raises :class:`SmallRTCError` where there is no Jupyter server, :class:`BotFileError` for what is no bot.

    >>> async def bot(runner_args):
    ...     transport = SmallWebRTCTransport(runner_args.webrtc_connection, TransportParams(video_in_enabled=True))
    ...     async for frame in transport.input().video_frames("camera"):
    ...         print(frame)
    >>> serving = serve(bot, name="look")
    >>> serving.clients
    >>> serving.close()
    """
    from smallrtc_lab.bots.loading import (
        bot_of,
    )  # bots bring aiortc along, which a kernel that serves none spares

    if not isinstance(bot, str | Path):
        bot_of(bot, "this notebook")
    title = name if name is not None else _name_of(bot)
    if not _NAME.fullmatch(title):
        raise ValueError(f"name is 1 to 64 letters, digits, '-', '_' or '.', not {title!r}")
    link = link_arguments(program=title)
    if link is None:
        raise SmallRTCError(
            "serve() needs a Jupyter server with this extension; in a terminal use: smallrtc-lab run bot.py"
        )
    guest_token = secrets.token_urlsafe(24)
    options = {
        "mode": "single" if single else "multiple",
        "max_connections": max_connections,
        "guest_token": guest_token,
    }
    board = Board()
    server = (
        _file_server(Path(bot), title, link, options, board)
        if isinstance(bot, str | Path)
        else _kernel_server(bot, title, options, board)
    )
    serving = Serving(title, _base_path(link["server"]), guest_token, server)
    registry.serves(serving)
    try:
        server.open()
    except BaseException:
        registry.serves_no_longer(serving)
        raise
    return serving


def _kernel_server(bot: Any, name: str, options: dict[str, Any], board: Board) -> _Server:
    from smallrtc_lab.bots.served import ServedBot

    return ServedBot(registry.client(), name, bot, board.report, options=options, inside=board.printing)


def _file_server(
    path: Path, name: str, link: dict[str, Any], options: dict[str, Any], board: Board
) -> _Server:
    from smallrtc_lab.bots.fileserver import FileServer

    return FileServer(path, name, link, options, board.report, board.line)


def _name_of(bot: Any) -> str:
    if isinstance(bot, str | Path):
        return Path(bot).stem
    return str(getattr(bot, "__name__", type(bot).__name__))


def _base_path(server: str) -> str:
    path = urlsplit(server).path
    return path if path.endswith("/") else path + "/"
