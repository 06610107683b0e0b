"""``lab.transport``: events, input and output for whoever a Lab is live with, one browser after another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import Any, TypeVar

from smallrtc_lab.engine.client import EngineClient
from smallrtc_lab.events import EventHandler
from smallrtc_lab.framing import Header
from smallrtc_lab.media.clock import SessionClock
from smallrtc_lab.params import TransportParams
from smallrtc_lab.rtc.state import EndReason
from smallrtc_lab.rtc.transport import SmallWebRTCTransport

from .bridged import BridgedConnection

__all__ = ["LabConnection", "LabTransport"]

H = TypeVar("H", bound=EventHandler)


class LabConnection(BridgedConnection):
    """A Lab's session: when its browser leaves it waits for the next one, and is closed with the Lab only.

    It has one event more than others, ``left`` (reason): the browser has gone for good.
    """

    def __init__(self, client: EngineClient, session: str, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(client, session, "", loop, more_events=("left",))

    async def connect(self) -> None:
        """Take over what the engine already has: a browser may be here for long."""
        if self._connect_called or self._closed.is_set():
            return
        self._connect_called = True
        for header in await self._ask("follow") or ():
            self._happened(header)

    def _happened(self, header: Header) -> None:
        if header["what"] != "closed":
            super()._happened(header)
            return
        self._stands(False)
        for section in tuple(self._inputs):
            self._track_ended(section)
        self._mailbox.post("left", EndReason(header["reason"]))

    def lab_closed(self) -> None:
        """From any thread."""
        self._on_loop(self._end)


class LabTransport(SmallWebRTCTransport):
    """A :class:`SmallWebRTCTransport` whose clients come and go; times are the Lab's own.

    A handler runs in the context it was registered in: what it prints, and what goes wrong, stands under its cell.
    """

    def __init__(
        self, connection: LabConnection, params: TransportParams, began_s: float, name: str | None = None
    ) -> None:
        self._contexts: dict[EventHandler, Context] = {}
        super().__init__(connection, params, name, name, clock=SessionClock(began_s))
        connection.event_handler("left")(self._on_left)

    def event_handler(self, name: str) -> Callable[[H], H]:
        """As :meth:`EventEmitter.event_handler`."""
        register = super().event_handler(name)
        context = copy_context()

        def remember(handler: H) -> H:
            self._contexts[handler] = context
            return register(handler)

        return remember

    def add_event_handler(self, name: str, handler: EventHandler) -> None:
        """As :meth:`EventEmitter.add_event_handler`."""
        self.event_handler(name)(handler)

    async def _call(self, name: str, handler: EventHandler, args: tuple[Any, ...]) -> None:
        call = super()._call(name, handler, args)
        context = self._contexts.get(handler, Context()).copy()  # one that runs cannot be entered again
        await asyncio.get_running_loop().create_task(call, context=context, name=f"handler of {name}")

    def _on_left(self, connection: Any, reason: EndReason) -> None:
        met, self._met = self._met, False
        self._input.client_left()
        if met and not self._ended and reason is not EndReason.HERE:
            self._mailboxes["on_client_disconnected"].post("on_client_disconnected", connection)
