"""A bot served by a kernel: the engine takes the clients in, each gets a bot on a thread and loop of its own here."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any, TypeAlias

from smallrtc_lab.engine.client import EngineClient, Restart
from smallrtc_lab.errors import SmallRTCError
from smallrtc_lab.framing import Header
from smallrtc_lab.rtc.clients import ClientInfo, name_of
from smallrtc_lab.rtc.state import ConnectionState

from .arguments import Bot, RunnerArguments, runner_arguments
from .bridged import BridgedConnection
from .run import AFTER_CANCEL_S, BotRun, Report

__all__ = ["ServedBot", "ServedClient"]

logger = logging.getLogger(__name__)

ServedClient: TypeAlias = ClientInfo

READY_S = 10.0
JOIN_S = AFTER_CANCEL_S + 1.0


class ServedBot:
    """The hall's handler, see :class:`~smallrtc_lab.engine.client.SessionHandler`. Thread-safe."""

    def __init__(
        self,
        client: EngineClient,
        name: str,
        bot: Bot,
        report: Report,
        *,
        options: dict[str, Any],
        inside: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        self.name = name
        self.refusal: str | None = None
        self._client = client
        self._bot = bot
        self._report = report
        self._options = options
        self._inside = inside
        self._settled = threading.Event()
        self._lock = threading.Lock()
        self._runs: dict[str, tuple[BotRun, BridgedConnection, ServedClient]] = {}

    def open(self) -> None:
        """Begin to serve; returns when clients can come. Raises :class:`SmallRTCError` when there is no engine."""
        self._client.attach(self.name, self)
        try:
            self._client.call("open_hall", session=self.name, options=self._options)
        except SmallRTCError:
            self._client.detach(self.name)
            raise
        if not self._settled.wait(READY_S):
            self._report(f"{self.name} is not served yet: its engine has not reached the Jupyter server")

    def close(self) -> None:
        """Serve no more: every client is told, every bot ends or is named as blocked."""
        with self._lock:
            runs = [run for run, _, _ in self._runs.values()]
        for run in runs:
            run.stop()
        for run in runs:
            run.join(JOIN_S)
        try:
            self._client.call("close_hall", session=self.name)
        except SmallRTCError as error:
            logger.info("the hall %s: %s", self.name, error)
        self._client.detach(self.name)

    @property
    def clients(self) -> list[ServedClient]:
        """Who is here and since when, longest first."""
        with self._lock:
            here = list(self._runs.values())
        return [replace(who, pc_id=link.pc_id, state=_state(link)) for _, link, who in here]

    def engine_event(self, name: str, header: Header) -> None:
        """On the reader's thread."""
        if name == "client":
            self._take_in(header)
        elif name == "served":
            self._settled.set()
        elif name == "refused":
            self.refusal = header["message"]
            self._settled.set()
            self._report(f"{self.name} is not served: {header['message']}")
        elif name == "problem":
            self._report("{message} {next_step}".format(**header["problem"]))

    def engine_lost(self, reason: str, restart: Restart) -> None:
        """The engine crashed, and every client was lost; each bot is told by its own connection."""
        self._report(f"{reason} {restart.next_step}")

    def engine_back(self) -> None:
        """A new engine runs: serve again."""
        self._client.call("open_hall", session=self.name, options=self._options)

    def _take_in(self, header: Header) -> None:
        child = header["client"]
        run = BotRun(self._bot, self._report, lambda _: self._ended(child), inside=self._inside)
        connection = BridgedConnection(self._client, child, header["pc_id"], run.loop)
        name = name_of(header["body"])
        who = ServedClient(header["pc_id"], time.time(), _state(connection), name, header["session_id"])
        with self._lock:
            self._runs[child] = (run, connection, who)
        self._client.adopt(child, connection)
        arguments = runner_arguments(connection, header["body"], header["session_id"])
        run.submit(_begin(run, arguments))

    def _ended(self, child: str) -> None:
        """On the bot's thread: its client has gone, or was told."""
        self._client.detach(child)
        with self._lock:
            self._runs.pop(child, None)


def _state(connection: BridgedConnection) -> str:
    if connection.end_reason is not None:
        return ConnectionState.CLOSED.value
    if connection.is_connected():
        return ConnectionState.CONNECTED.value
    return ConnectionState.CONNECTING.value


async def _begin(run: BotRun, arguments: RunnerArguments) -> None:
    run.begin(arguments)
