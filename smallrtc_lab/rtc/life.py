"""The life of a connection: its peers one after the other, its states, its end.

aiortc has no ``disconnected`` and notices a silent client after 30 s only, so the states here follow the
peer *and* the client's pings. A client that restarts gets a new peer; the connection stays the same.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable
from typing import Any

from aiortc import RTCDataChannel

from smallrtc_lab.errors import ClosedError
from smallrtc_lab.events import EventEmitter

from . import _aiortc
from .channel import MessageChannel
from .heartbeat import Heartbeat, Pulse
from .mailbox import Mailbox
from .messages import AppMessage, Incoming, MessageQueue, Ping, TrackStatus
from .peer import Network, Peer
from .sections import Section
from .stall import Progress
from .state import ConnectionState, EndReason
from .tracks import InputTrack, OutputTracks

__all__ = ["EVENTS", "ConnectionLife"]

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


class ConnectionLife(EventEmitter):
    """What happens to a connection; :class:`SmallWebRTCConnection` adds what is done with it."""

    def __init__(self, network: Network, timeout_s: float, outputs: OutputTracks) -> None:
        super().__init__(EVENTS)
        self.end_reason: EndReason | None = None
        self._network = network
        self._timeout_s = timeout_s
        self._outputs = outputs
        self._events = Mailbox(self, self)
        self._connect_called = False
        self._early = MessageQueue()
        self._closing: asyncio.Future[None] | None = None
        self._close_task: asyncio.Task[None] | None = None
        self._close_callbacks: list[Callable[[Any], None]] = []
        self._switched: dict[Section, bool] = {}  # Pipecat's npm client says it once, not after a restart
        self._deadline: asyncio.TimerHandle | None = None
        self._channel = MessageChannel(self._on_message, self._read_progress)
        self._begin_peer()

    @property
    def state(self) -> ConnectionState:
        """Where it stands, whether ``connect()`` was called or not."""
        return self._state

    def peer_state_changed(self, peer: Peer, state: str) -> None:
        """Called by the peer."""
        if peer is not self._peer or self._closing is not None:
            return
        if state == "connecting":
            self._enter(ConnectionState.CONNECTING)
        elif state == "connected":
            self._cancel_deadline()
            self._channel.connection_is_up()
            self._enter(ConnectionState.CONNECTED)
        elif state == "failed":
            self._enter(ConnectionState.FAILED)
            self._close_soon(EndReason.FAILED)
        elif state == "closed":
            if self._state is ConnectionState.CONNECTED:
                self._enter(ConnectionState.DISCONNECTED)
            self._close_soon(EndReason.LEFT)

    def peer_track_started(self, peer: Peer, track: InputTrack) -> None:
        """Called by the peer."""
        track.set_enabled(self._switched.get(track.section, True))
        self._events.post("track-started", track)

    def peer_track_ended(self, peer: Peer, track: InputTrack) -> None:
        """Called by the peer."""
        self._events.post("track-ended", track)

    def peer_channel_opened(self, peer: Peer, channel: RTCDataChannel) -> None:
        """Called by the peer."""
        if peer is self._peer:
            self._channel.attach(channel)

    def _begin_peer(self) -> None:
        self._peer = Peer(self._network, self._outputs, self)
        self._pc_id = f"SmallWebRTCConnection-{uuid.uuid4().hex}"
        self._heartbeat = Heartbeat(self._on_pulse)
        self._state = ConnectionState.NEW

    async def _restart(self) -> None:
        if self._state is ConnectionState.CONNECTED:
            self._enter(ConnectionState.DISCONNECTED)
        old = self._peer
        self._heartbeat.stop()
        self._cancel_deadline()
        self._channel.detach()
        self._begin_peer()
        await old.close()
        self._check_open()

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

    def _on_message(self, message: Incoming) -> None:
        match message:
            case Ping():
                self._heartbeat.beat()
            case TrackStatus(section, enabled):
                self._switched[section] = enabled
                track = self._peer.inputs.get(section)
                if track is not None:
                    track.set_enabled(enabled)
                self._events.post("track-status", section, enabled)
            case AppMessage(value):
                self._on_app_message(value)

    def _on_app_message(self, value: Any) -> None:
        if not self._connect_called:
            if not self._early.put(value):
                logger.warning("a message of the client was dropped: connect() was not called yet")
        elif not self._events.post("app-message", value, droppable=True):
            logger.warning("a message of the client was dropped: its handlers do not keep up")

    def _read_progress(self) -> Progress | None:
        """None unless the client is there: that a lost one takes nothing says nothing of the path."""
        return _aiortc.read_sctp_progress(self._peer.pc) if self._state is ConnectionState.CONNECTED else None

    def _on_pulse(self, pulse: Pulse) -> None:
        if pulse is Pulse.LOST:
            logger.info("a client sends no pings any more")
            self._enter(ConnectionState.DISCONNECTED)
        elif pulse is Pulse.DEAD:
            self._close_soon(EndReason.LOST)
        elif self._state is ConnectionState.DISCONNECTED:
            self._enter(ConnectionState.CONNECTED)

    def _start_deadline(self) -> None:
        if self._deadline is None and self._state is ConnectionState.NEW:
            loop = asyncio.get_running_loop()
            self._deadline = loop.call_later(self._timeout_s, self._on_deadline)

    def _on_deadline(self) -> None:
        self._deadline = None
        logger.warning("a client did not connect within %.0f s", self._timeout_s)
        self._close_soon(EndReason.TIMEOUT)

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _check_open(self) -> None:
        if self._closing is not None:
            raise ClosedError("this connection was closed; make a new one")

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
        finally:
            self._closing.set_result(None)

    async def _end(self, reason: EndReason) -> None:
        logger.info("a connection closes: %s", reason.value)
        for callback in self._close_callbacks:
            callback(self)
        self._heartbeat.stop()
        self._cancel_deadline()
        self._channel.close()
        await self._peer.close()
        for section in Section:
            track = self._outputs.of(section)
            if track is not None:
                track.stop()
        self._state = ConnectionState.CLOSED
        self._events.post("closed")
        await self._events.drain()
