"""``lab.transport``, made when it is first asked for: a kernel whose labs have no transport never loads aiortc."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from smallrtc_lab.errors import SmallRTCError
from smallrtc_lab.params import TransportParams

from .access import Access
from .session import SessionEvents

if TYPE_CHECKING:
    from smallrtc_lab.bots.labtransport import LabConnection, LabTransport

__all__ = ["EVERYTHING", "Programs"]

EVERYTHING = TransportParams(
    audio_in_enabled=True,
    audio_out_enabled=True,
    audio_out_auto_silence=False,  # so that callbacks are heard until the transport's output is written to
    video_in_enabled=True,
    video_out_enabled=True,
)


class Programs:
    """The transport of one Lab. ``transport`` belongs to the loop that it was first asked for on."""

    def __init__(self, access: Access, events: SessionEvents, params: TransportParams | None) -> None:
        self._access = access
        self._events = events
        self._params = EVERYTHING if params is None else params
        self._connection: LabConnection | None = None
        self._transport: LabTransport | None = None

    @property
    def transport(self) -> LabTransport:
        """The transport; raises :class:`SmallRTCError` where no asyncio loop runs."""
        if self._transport is None:
            self._transport = self._made(_running_loop())
        return self._transport

    def close(self) -> None:
        """The Lab was closed: the transport's iterators end."""
        if self._connection is not None:
            self._connection.lab_closed()

    def _made(self, loop: asyncio.AbstractEventLoop) -> LabTransport:
        from smallrtc_lab.bots.labtransport import LabConnection, LabTransport

        now_s: float = self._access.call("stats")["time_s"]
        self._connection = LabConnection(self._access.client, self._access.session_id, loop)
        self._events.follower = self._connection
        return LabTransport(self._connection, self._params, time.monotonic() - now_s)


def _running_loop() -> asyncio.AbstractEventLoop:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        raise SmallRTCError(
            "lab.transport is for asyncio: use it in a notebook's cell, or inside a coroutine of your program"
        ) from None
