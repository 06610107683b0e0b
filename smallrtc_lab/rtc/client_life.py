"""What every way of a client has, whatever carries its media: a state, its events in their order, and one end."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from smallrtc_lab.events import EventEmitter

from .heartbeat import Pulse
from .mailbox import Mailbox
from .messages import MessageQueue
from .state import ConnectionState, EndReason

__all__ = ["EVENTS", "ClientLife"]

logger = logging.getLogger(__name__)

EVENTS = (
    "new",
    "connecting",
    "connected",
    "disconnected",
    "failed",
    "closed",
    "app-message",
    "track-started",
    "track-ended",
    "track-status",
)


class ClientLife(EventEmitter):
    """A subclass says by ``_end`` what is to be closed; it is called once, whoever asks for the end, and how often."""

    def __init__(self) -> None:
        super().__init__(EVENTS)
        self.end_reason: EndReason | None = None
        self._events = Mailbox(self, self)
        self._state = ConnectionState.NEW
        self._connect_called = False
        self._early = MessageQueue()
        self._closing: asyncio.Future[None] | None = None
        self._close_task: asyncio.Task[None] | None = None

    @property
    def state(self) -> ConnectionState:
        """Where it stands, whether ``connect()`` was called or not."""
        return self._state

    def is_connected(self) -> bool:
        """Whether media flows, the client is alive and ``connect()`` was called."""
        return self._connect_called and self._state is ConnectionState.CONNECTED

    async def let_go(self) -> None:
        """End without a word: the client is here by another way."""
        await self._close(EndReason.HERE)

    def _enter(self, state: ConnectionState) -> None:
        if state is self._state:
            return
        self._state = state
        if state is not ConnectionState.CONNECTED:
            self._events.post(state.value)
        elif self._connect_called:
            self._announce_connected()

    def _announce_connected(self) -> None:
        self._events.post("connected")
        for message in self._early.take_all():
            self._events.post("app-message", message)

    def _on_app_message(self, value: Any) -> None:
        if not self._connect_called:
            if not self._early.put(value):
                logger.warning("a message of the client was dropped: connect() was not called yet")
        elif not self._events.post("app-message", value, droppable=True):
            logger.warning("a message of the client was dropped: its handlers do not keep up")

    def _on_pulse(self, pulse: Pulse) -> None:
        if pulse is Pulse.LOST:
            logger.info("a client sends no pings any more")
            self._enter(ConnectionState.DISCONNECTED)
        elif pulse is Pulse.DEAD:
            self._close_soon(EndReason.LOST)
        elif self._state is ConnectionState.DISCONNECTED:
            self._enter(ConnectionState.CONNECTED)

    def _close_soon(self, reason: EndReason) -> None:
        if self._closing is None and self._close_task is None:
            self._close_task = asyncio.get_running_loop().create_task(self._close(reason))

    async def _close(self, reason: EndReason) -> None:
        if self._closing is not None:
            await asyncio.shield(self._closing)
            return
        self._closing = asyncio.get_running_loop().create_future()
        self.end_reason = reason
        try:
            await self._end(reason)
            self._state = ConnectionState.CLOSED
            self._events.post("closed")
            await self._events.drain()
        finally:
            self._closing.set_result(None)

    async def _end(self, reason: EndReason) -> None:
        raise NotImplementedError
