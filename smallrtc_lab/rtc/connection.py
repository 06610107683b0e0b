"""One client: negotiation, tracks, messages and states, as the SmallWebRTC protocol has them.

    connection = SmallWebRTCConnection()

    @connection.event_handler("connected")
    async def on_connected(connection): ...

    await connection.initialize(sdp, "offer")
    answer = connection.get_answer()
    await connection.connect()

Everything belongs to one asyncio loop. Events come in the order in which things happened, each with the
connection as first argument:

=================  ======================================  ==================================================
event              further arguments                       when
=================  ======================================  ==================================================
``new``            –                                       the first offer is being answered
``connecting``     –                                       ICE has begun
``connected``      –                                       all flows; held back until ``connect()``
``disconnected``   –                                       the client is gone, or restarts; it may come back
``failed``         –                                       ICE or DTLS found no way, or lost it
``closed``         –                                       nothing follows; ``end_reason`` says why
``app-message``    ``message``: any JSON value             one at a time, in order
``track-started``  ``track``: :class:`InputTrack`          a section began to receive
``track-ended``    ``track``: :class:`InputTrack`          it gives no more frames
``track-status``   ``section``: Section, ``enabled``       the client switched a source on or off
=================  ======================================  ==================================================
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable
from typing import Any

from aiortc import MediaStreamTrack, RTCDataChannel, RTCIceCandidate, RTCIceServer, RTCPeerConnection

from smallrtc_lab.errors import ClosedError, RequestError
from smallrtc_lab.events import EventEmitter
from smallrtc_lab.ice import normalise_ice_servers

from .channel import MessageChannel
from .heartbeat import Heartbeat, Pulse
from .mailbox import Mailbox
from .messages import AppMessage, Incoming, MessageQueue, Ping, TrackStatus
from .peer import Peer
from .sections import Section
from .state import ConnectionState, EndReason
from .stats import Stats, read_stats
from .tracks import InputTrack, OutputTracks

__all__ = ["EVENTS", "IceServer", "SmallWebRTCConnection", "to_ice_servers"]

logger = logging.getLogger(__name__)

IceServer = RTCIceServer

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
PEER_LEFT_FLUSH_S = 0.25
RENEGOTIATE_WITHIN_S = 10.0


def to_ice_servers(servers: list[str] | list[IceServer] | list[dict[str, Any]] | None) -> list[IceServer]:
    """aiortc's objects for URLs, objects or JSON; raises as :func:`normalise_ice_servers` does."""
    return [IceServer(**server) for server in normalise_ice_servers(servers)]


class SmallWebRTCConnection(EventEmitter):
    """A client's connection; it outlives the peer connections a client that restarts goes through."""

    def __init__(
        self,
        ice_servers: list[str] | list[IceServer] | None = None,
        connection_timeout_secs: float = 60,
        *,
        loopback: bool = False,
        tracks: OutputTracks | None = None,
    ) -> None:
        super().__init__(EVENTS)
        self.end_reason: EndReason | None = None
        self._ice_servers = to_ice_servers(ice_servers)
        self._timeout_s = connection_timeout_secs
        self._loopback = loopback
        self._outputs = tracks or OutputTracks()
        self._events = Mailbox(self, self)
        self._state = ConnectionState.NEW
        self._connect_called = False
        self._early = MessageQueue()
        self._answer: dict[str, str] | None = None
        self._renegotiation_asked_s = float("-inf")
        self._closing: asyncio.Future[None] | None = None
        self._close_task: asyncio.Task[None] | None = None
        self._close_callbacks: list[Callable[[SmallWebRTCConnection], None]] = []
        self._deadline: asyncio.TimerHandle | None = None
        self._channel = MessageChannel(self._on_message)
        self._begin_peer()

    # What it is

    @property
    def pc(self) -> RTCPeerConnection:
        """The aiortc peer connection of now."""
        return self._peer.pc

    @property
    def pc_id(self) -> str:
        """The name the client knows it by; a restart gives a new one."""
        return self._pc_id

    @property
    def state(self) -> ConnectionState:
        """Where it stands, whether ``connect()`` was called or not."""
        return self._state

    def is_connected(self) -> bool:
        """Whether media flows, the client is alive and ``connect()`` was called."""
        return self._connect_called and self._state is ConnectionState.CONNECTED

    def audio_input_track(self) -> InputTrack | None:
        """The client's sound, or None when its offer has none."""
        return self._peer.inputs.get(Section.AUDIO)

    def video_input_track(self) -> InputTrack | None:
        """The client's camera, or None when its offer has none."""
        return self._peer.inputs.get(Section.CAMERA)

    def screen_video_input_track(self) -> InputTrack | None:
        """The client's shared screen, or None when its offer has none."""
        return self._peer.inputs.get(Section.SCREEN)

    def get_answer(self) -> dict[str, str] | None:
        """``{"sdp", "type", "pc_id"}``, or None before the first offer was answered."""
        return self._answer

    async def stats(self) -> Stats:
        """Numbers for people and programs; :mod:`.stats` documents each field."""
        stats = await read_stats(self._peer, self._outputs)
        return {"state": self._state.value, "messages_dropped": self._channel.dropped, **stats}

    # What it does

    async def initialize(self, sdp: str, type: str) -> None:
        """Answer the first offer; raises :class:`RequestError` 400 for one that cannot be used."""
        if self._answer is not None:
            raise RuntimeError("initialize() answers the first offer; renegotiate() the next ones")
        self._events.post("new")
        await self._answer_offer(sdp, type)

    async def connect(self) -> None:
        """Say that this side is ready: ``connected`` and the messages that came before are delivered now."""
        if self._connect_called:
            return
        self._connect_called = True
        if self._state is ConnectionState.CONNECTED:
            self._announce_connected()
            await self._peer.request_keyframes()

    async def renegotiate(self, sdp: str, type: str, restart_pc: bool = False) -> None:
        """Answer another offer; ``restart_pc`` takes a new peer connection, with a new ``pc_id``."""
        self._check_open()
        if restart_pc:
            await self._restart()
        await self._answer_offer(sdp, type)
        self._renegotiation_asked_s = float("-inf")

    async def add_ice_candidate(self, candidate: RTCIceCandidate | None) -> None:
        """Add a candidate of the client's; None is the end of its candidates."""
        if self._closing is None:
            await self._peer.add_candidate(candidate)

    def replace_audio_track(self, track: MediaStreamTrack | None) -> None:
        """Send other sound, or none."""
        self._replace(Section.AUDIO, track)

    def replace_video_track(self, track: MediaStreamTrack | None) -> None:
        """Send another picture, or none."""
        self._replace(Section.CAMERA, track)

    def replace_screen_video_track(self, track: MediaStreamTrack | None) -> None:
        """Has no effect but a warning: the protocol makes the screen section recvonly on this side."""
        if track is not None:
            logger.warning("nothing can be sent in the screen section: it is recvonly on this side")

    def send_app_message(self, message: Any) -> bool:
        """Send any JSON value, or queue it until the channel opens (50 at most).

        Returns False when the message had to be dropped; that is logged and counted. Raises ``TypeError`` or
        ``ValueError`` for what JSON cannot hold.
        """
        return self._channel.send(message)

    def ask_to_renegotiate(self) -> None:
        """Ask the client for a new offer, unless it was asked in the last ten seconds and has not sent it."""
        now_s = asyncio.get_running_loop().time()
        if now_s - self._renegotiation_asked_s > RENEGOTIATE_WITHIN_S and self._channel.signal("renegotiate"):
            self._renegotiation_asked_s = now_s

    async def disconnect(self) -> None:
        """Tell the client, close everything, deliver ``closed``. Calling it again waits for the same end."""
        if self._closing is None and self._channel.signal("peerLeft"):
            await self._channel.flushed(PEER_LEFT_FLUSH_S)
        await self._close(EndReason.HERE)

    def call_when_closed(self, callback: Callable[[SmallWebRTCConnection], None]) -> None:
        """Call ``callback(connection)`` as soon as it begins to close, whatever event handlers do."""
        self._close_callbacks.append(callback)

    def hold_events(self) -> None:
        """Deliver no events until ``release_events``, so that handlers can be registered first."""
        self._events.hold()

    def release_events(self) -> None:
        """Deliver the events that were held back."""
        self._events.release()

    # What its peer says

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
        self._events.post("track-started", track)

    def peer_track_ended(self, peer: Peer, track: InputTrack) -> None:
        """Called by the peer."""
        self._events.post("track-ended", track)

    def peer_channel_opened(self, peer: Peer, channel: RTCDataChannel) -> None:
        """Called by the peer."""
        if peer is self._peer:
            self._channel.attach(channel)

    # Inside

    def _begin_peer(self) -> None:
        self._peer = Peer(self._ice_servers, self._outputs, self, loopback=self._loopback)
        self._pc_id = f"SmallWebRTCConnection-{uuid.uuid4().hex}"
        self._heartbeat = Heartbeat(self._on_pulse)
        self._state = ConnectionState.NEW

    async def _answer_offer(self, sdp: str, type: str) -> None:
        self._check_open()
        if type != "offer":
            raise RequestError(400, "bad-sdp", f"an offer is needed, not {type!r}")
        if self._deadline is None and self._state is ConnectionState.NEW:
            loop = asyncio.get_running_loop()
            self._deadline = loop.call_later(self._timeout_s, self._on_deadline)
        answer = await self._peer.answer(sdp)
        self._answer = {"sdp": answer.sdp, "type": answer.type, "pc_id": self._pc_id}

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

    def _replace(self, section: Section, track: MediaStreamTrack | None) -> None:
        if track is not None and track.kind != section.kind:
            raise ValueError(f"a track of kind {track.kind!r} cannot be sent as {section.kind}")
        self._outputs.set(section, track)
        self._peer.replace_output(section, track)

    def _on_message(self, message: Incoming) -> None:
        match message:
            case Ping():
                self._heartbeat.beat()
            case TrackStatus(section, enabled):
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

    def _on_pulse(self, pulse: Pulse) -> None:
        if pulse is Pulse.LOST:
            logger.info("a client sends no pings any more")
            self._enter(ConnectionState.DISCONNECTED)
        elif pulse is Pulse.DEAD:
            self._close_soon(EndReason.LOST)
        elif self._state is ConnectionState.DISCONNECTED:
            self._enter(ConnectionState.CONNECTED)

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
