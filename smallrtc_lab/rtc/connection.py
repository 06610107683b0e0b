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
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

from aiortc import MediaStreamTrack, RTCIceCandidate, RTCIceServer, RTCPeerConnection

from smallrtc_lab.conversation import Conversation
from smallrtc_lab.errors import RequestError
from smallrtc_lab.ice import normalise_ice_servers
from smallrtc_lab.media.encoded import EncodedPacket

from . import _aiortc
from .client_life import EVENTS
from .life import ConnectionLife
from .peer import Network
from .sdp import validate_offer
from .sections import Section
from .state import ConnectionState, EndReason
from .stats import Stats, read_stats
from .tracks import InputTrack, OutputTracks

__all__ = ["EVENTS", "IceServer", "SmallWebRTCConnection", "to_ice_servers"]

logger = logging.getLogger(__name__)

IceServer = RTCIceServer

LAST_WORDS_S = 1.0
PEER_LEFT_FLUSH_S = 0.25
RENEGOTIATE_WITHIN_S = 10.0


def to_ice_servers(servers: list[str] | list[IceServer] | list[dict[str, Any]] | None) -> list[IceServer]:
    """aiortc's objects for URLs, objects or JSON; raises as :func:`normalise_ice_servers` does."""
    return [IceServer(**server) for server in normalise_ice_servers(servers)]


class SmallWebRTCConnection(ConnectionLife):
    """A client's connection; it outlives the peer connections a client that restarts goes through.

    ``connection_timeout_secs`` after the first offer a client that never connected is closed. With ``relay_only`` media
    goes through the TURN server of ``ice_servers`` and no other way; ``loopback`` allows 127.0.0.1.
    """

    def __init__(
        self,
        ice_servers: list[str] | list[IceServer] | None = None,
        connection_timeout_secs: float = 60,
        *,
        loopback: bool = False,
        relay_only: bool = False,
        tracks: OutputTracks | None = None,
    ) -> None:
        outputs = tracks or OutputTracks()
        network = Network(to_ice_servers(ice_servers), loopback=loopback, relay_only=relay_only)
        super().__init__(network, connection_timeout_secs, outputs)
        self._answer: dict[str, str] | None = None
        self._renegotiation_asked_s = float("-inf")

    @property
    def pc(self) -> RTCPeerConnection:
        """The aiortc peer connection of now."""
        return self._peer.pc

    @property
    def pc_id(self) -> str:
        """The name the client knows it by; a restart gives a new one."""
        return self._pc_id

    @property
    def takes_messages(self) -> bool:
        """Whether the client's data channel is open and takes a message at once."""
        return self._channel.takes_messages

    @property
    def messages_stuck(self) -> bool:
        """Whether the client is there and has taken nothing for 5 s of what was sent to it (see :mod:`.stall`)."""
        return self._channel.stuck

    def audio_input_track(self) -> InputTrack | None:
        """The client's sound, or None when its offer has none."""
        return self._peer.inputs.get(Section.AUDIO)

    def video_input_track(self) -> InputTrack | None:
        """The client's camera, or None when its offer has none."""
        return self._peer.inputs.get(Section.CAMERA)

    def screen_video_input_track(self) -> InputTrack | None:
        """The client's shared screen, or None when its offer has none."""
        return self._peer.inputs.get(Section.SCREEN)

    def takes(self, kind: str) -> bool:
        """Whether the client's last offer lets this side send ``"audio"`` or ``"video"``."""
        return self._peer.takes(Section.AUDIO if kind == "audio" else Section.CAMERA)

    def get_answer(self) -> dict[str, str] | None:
        """``{"sdp", "type", "pc_id"}``, or None before the first offer was answered."""
        return self._answer

    async def stats(self) -> Stats:
        """Numbers for people and programs; :mod:`.stats` documents each field."""
        stats = await read_stats(self._peer, self._outputs)
        return {
            "state": self._state.value,
            "messages_dropped": self._channel.dropped,
            "messages_stuck": self._channel.stuck,
            **stats,
        }

    def tried_pairs(self) -> list[dict[str, str]]:
        """The kinds of candidate pairs that ICE tried, ``{"local", "remote", "state"}`` each; also after the end."""
        return [asdict(pair) for pair in _aiortc.tried_pairs(self._peer.pc)]

    async def initialize(self, sdp: str, type: str) -> None:
        """Answer the first offer, within about 1.5 s.

        Raises :class:`RequestError` 400 ``bad-sdp`` for one that cannot be used; ``disconnect()`` it then.
        """
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
        validate_offer(sdp)  # before the old peer is given up for it
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

    def use_bitrate(self, wanted_bps: int | None, limit_bps: int | None = None) -> None:
        """How many bits a second pictures may take from now on: see :class:`~.bitrate.VideoBitrate`."""
        self._outputs.bitrate.wanted_bps = wanted_bps
        self._outputs.bitrate.limit_bps = limit_bps

    def watch_sent(self, on_sent: Callable[[Section, EncodedPacket], None] | None) -> None:
        """Call ``on_sent(section, packet)`` for everything that is sent from now on, encoded; None: no longer."""
        self._outputs.on_sent = on_sent

    def request_own_keyframe(self) -> None:
        """Send a picture next that can be decoded without the ones before."""
        self._peer.request_own_keyframes()

    def send_app_message(self, message: Any) -> bool:
        """Send any JSON value, or queue it until the channel opens (50 at most).

        Returns False when the message had to be dropped; that is logged and counted. Raises ``TypeError`` or
        ``ValueError`` for what JSON cannot hold.
        """
        return self._channel.send(message)

    def converse(self, conversation: Conversation) -> None:
        """The client's messages belong to ``conversation``, and so do ours: once and in order, also through another
        connection. Only for a client that asked for it; before anything is sent, and :meth:`speak` begins."""
        self._channel.converse(conversation)

    def speak(self) -> None:
        """Of a conversation: what the client does not have yet goes over this connection, and whatever follows."""
        self._channel.speak()

    async def message_room(self, timeout_s: float) -> bool:
        """Wait until one more message would not be dropped; False when it would be even after ``timeout_s``."""
        return await self._channel.room(timeout_s)

    async def messages_taken(self, timeout_s: float) -> bool:
        """Wait until the data channel is open and has room; False when it is not after ``timeout_s``."""
        return await self._channel.taken(timeout_s)

    def update_ice_servers(self, ice_servers: list[str] | list[IceServer] | None) -> None:
        """Use other ICE servers, or new credentials, if the client restarts; what runs goes on as it is."""
        self._network = replace(self._network, ice_servers=to_ice_servers(ice_servers))

    def ask_to_renegotiate(self) -> None:
        """Ask the client for a new offer, unless it was asked in the last ten seconds and has not sent it."""
        now_s = asyncio.get_running_loop().time()
        if now_s - self._renegotiation_asked_s > RENEGOTIATE_WITHIN_S and self._channel.signal("renegotiate"):
            self._renegotiation_asked_s = now_s

    async def disconnect(self) -> None:
        """Tell the client, close everything, deliver ``closed``. Calling it again waits for the same end.

        A client that has just come gets what was said to it before, if its channel opens within a second.
        """
        if self._closing is None and self.is_connected():
            await self._channel.emptied(LAST_WORDS_S)
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

    async def _answer_offer(self, sdp: str, type: str) -> None:
        self._check_open()
        if type != "offer":
            raise RequestError(400, "bad-sdp", f"an offer is needed, not {type!r}")
        self._start_deadline()
        answer = await self._peer.answer(sdp)
        self._answer = {"sdp": answer.sdp, "type": answer.type, "pc_id": self._pc_id}

    def _replace(self, section: Section, track: MediaStreamTrack | None) -> None:
        if track is not None and track.kind != section.kind:
            raise ValueError(f"a track of kind {track.kind!r} cannot be sent as {section.kind}")
        self._outputs.set(section, track)
        self._peer.replace_output(section, track)
