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

from . import _aiortc
from .channel import MessageChannel
from .client_life import ClientLife
from .heartbeat import Heartbeat
from .messages import AppMessage, Incoming, Ping, TrackStatus
from .peer import Network, Peer
from .sections import Section
from .stall import Progress
from .state import ConnectionState, EndReason
from .tracks import InputTrack, OutputTracks

__all__ = ["ConnectionLife"]

logger = logging.getLogger(__name__)


class ConnectionLife(ClientLife):
    """What happens to a connection; :class:`SmallWebRTCConnection` adds what is done with it."""

    def __init__(self, network: Network, timeout_s: float, outputs: OutputTracks) -> None:
        super().__init__()
        self._network = network
        self._timeout_s = timeout_s
        self._outputs = outputs
        self._close_callbacks: list[Callable[[Any], None]] = []
        self._switched: dict[Section, bool] = {}  # Pipecat's npm client says it once, not after a restart
        self._deadline: asyncio.TimerHandle | None = None
        self._channel = MessageChannel(self._on_message, self._read_progress)
        self._begin_peer()

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

    def _read_progress(self) -> Progress | None:
        """None unless the client is there: that a lost one takes nothing says nothing of the path."""
        return _aiortc.read_sctp_progress(self._peer.pc) if self._state is ConnectionState.CONNECTED else None

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
