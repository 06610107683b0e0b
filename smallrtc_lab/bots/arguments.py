"""What a bot is called with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

__all__ = ["Bot", "RunnerArguments"]


@dataclass
class RunnerArguments:
    """The argument of ``async def bot(runner_args)``, with the names Pipecat's runner uses.

    ``webrtc_connection`` is the client's connection, for ``SmallWebRTCTransport(runner_args.webrtc_connection,
    params)``. ``body`` is what the client sent with ``start`` or with its offer, any JSON value. ``session_id``
    is the name that ``start`` gave this client; None for one that sent its offer at once.
    """

    webrtc_connection: Any
    body: Any = field(default=None, repr=False)
    session_id: str | None = None


Bot: TypeAlias = Callable[[RunnerArguments], Awaitable[object]]
