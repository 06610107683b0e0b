"""What a bot is called with."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

__all__ = ["Bot", "RunnerArguments", "runner_arguments"]


@dataclass
class RunnerArguments:
    """The argument of ``async def bot(runner_args)``, with the names Pipecat's runner uses.

    ``webrtc_connection`` is the client's connection, for ``SmallWebRTCTransport(runner_args.webrtc_connection,
    params)``. ``body`` is what the client sent with ``start`` or with its offer, any JSON value. ``session_id``
    is the name that ``start`` gave this client; None for one that sent its offer at once. The others are what a bot
    written for Pipecat's runner reads: it installs no signal handlers, for its process has ours.
    """

    webrtc_connection: Any
    body: Any = field(default=None, repr=False)
    session_id: str | None = None
    handle_sigint: bool = field(default=False, kw_only=True)
    handle_sigterm: bool = field(default=False, kw_only=True)
    pipeline_idle_timeout_secs: float | None = field(default=300, kw_only=True)
    cli_args: argparse.Namespace | None = field(default=None, kw_only=True)


Bot: TypeAlias = Callable[[RunnerArguments], Awaitable[object]]


def runner_arguments(connection: Any, body: Any, session_id: str | None) -> Any:
    """A bot's argument: Pipecat's own ``SmallWebRTCRunnerArguments`` in a process that uses Pipecat's runner.

    Its ``create_transport(runner_args, …)`` asks with ``isinstance``. Pipecat is not imported for that: a bot that
    calls ``create_transport`` has done so.
    """
    theirs = sys.modules.get("pipecat.runner.types")
    if theirs is None:
        return RunnerArguments(connection, body, session_id)
    return theirs.SmallWebRTCRunnerArguments(webrtc_connection=connection, body=body, session_id=session_id)
