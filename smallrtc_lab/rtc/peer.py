"""One RTCPeerConnection in the answering role, from its first offer to its end.

A :class:`SmallWebRTCConnection` lives longer: when a client restarts, it gets a new peer. The
peer knows sections, candidates and negotiation; it knows nothing of states, pings or messages.
"""

from __future__ import annotations

import asyncio
import logging
import os
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from aiortc import (
    MediaStreamTrack,
    RTCBundlePolicy,
    RTCConfiguration,
    RTCDataChannel,
    RTCIceCandidate,
    RTCIceServer,
    RTCIceTransportPolicy,
    RTCPeerConnection,
    RTCRtpTransceiver,
    RTCSessionDescription,
)
from aiortc.exceptions import InvalidStateError
from aiortc.rtcrtpreceiver import RemoteStreamTrack

from smallrtc_lab.errors import ClosedError, RequestError
from smallrtc_lab.processors.quota import codec_threads
from smallrtc_lab.sctp import sctp_chunk_bytes

from . import _aiortc, sdp
from .incoming import InputTrack
from .sections import Section, sections_of
from .switch import SwitchedTrack
from .tracks import OutputTracks

__all__ = ["Network", "Peer", "PeerListener"]

logger = logging.getLogger(__name__)

GATHER_S = 1.5
DECODERS_END_S = 0.5
CLOSE_S = 3.0
MAX_PENDING_CANDIDATES = 200


class PeerListener(Protocol):
    """What a peer tells its connection; everything is called on the media loop."""

    def peer_state_changed(self, peer: Peer, state: str) -> None:
        """``state`` is aiortc's ``connectionState``: new, connecting, connected, failed or closed."""

    def peer_track_started(self, peer: Peer, track: InputTrack) -> None:
        """A section began to receive."""

    def peer_track_ended(self, peer: Peer, track: InputTrack) -> None:
        """A track will give no more frames."""

    def peer_channel_opened(self, peer: Peer, channel: RTCDataChannel) -> None:
        """The client opened a data channel."""


@dataclass(frozen=True)
class Network:
    """Which ways a peer may take: with help of ``ice_servers``, through them only, or also over 127.0.0.1."""

    ice_servers: list[RTCIceServer] = field(default_factory=list, repr=False)  # they hold credentials
    loopback: bool = False
    relay_only: bool = False

    def configuration(self) -> RTCConfiguration:
        """W3C RTCConfiguration, as aiortc has it."""
        policy = RTCIceTransportPolicy.RELAY if self.relay_only else RTCIceTransportPolicy.ALL
        # Never iceServers=None: aiortc takes that for Google's STUN server.
        return RTCConfiguration(
            iceServers=self.ice_servers, iceTransportPolicy=policy, bundlePolicy=RTCBundlePolicy.MAX_BUNDLE
        )


class Peer:
    """Answers offers, receives tracks, sends what ``outputs`` holds.

    Raises ``ValueError`` when the environment asks for an SCTP chunk size that cannot be (:mod:`smallrtc_lab.sctp`).
    """

    def __init__(self, network: Network, outputs: OutputTracks, listener: PeerListener) -> None:
        _aiortc.cut_messages(sctp_chunk_bytes(os.environ))
        _aiortc.limit_threads(codec_threads())
        self.pc = RTCPeerConnection(network.configuration())
        self.inputs: dict[Section, InputTrack] = {}
        self._outputs = outputs
        self._listener = listener
        self._loopback = network.loopback and not network.relay_only
        self._switches: dict[Section, SwitchedTrack] = {}
        self._gathering_shaped = False
        self._negotiating = False
        self._pending: list[RTCIceCandidate | None] = []
        self._hidden_candidates = False
        self.pc.on("connectionstatechange", self._on_state)
        self.pc.on("track", self._on_track)
        self.pc.on("datachannel", lambda channel: listener.peer_channel_opened(self, channel))

    async def answer(self, offer: str) -> RTCSessionDescription:
        """Apply an offer and return the answer, with candidates, within about 1.5 s.

        Raises :class:`RequestError` 400 ``bad-sdp`` for an offer that cannot be used and
        :class:`ClosedError` when the peer was closed meanwhile.
        """
        sdp.validate_offer(offer)
        self._hidden_candidates |= ".local " in offer
        self._negotiating = True
        try:
            await self._apply(offer)
            await self.pc.setLocalDescription(await self.pc.createAnswer())
        except InvalidStateError as error:
            raise ClosedError(f"the connection was closed while it negotiated: {error}") from None
        finally:
            self._negotiating = False
        await self._add_pending()
        return self.pc.localDescription

    async def add_candidate(self, candidate: RTCIceCandidate | None) -> None:
        """Add a candidate of the client's, or None for end-of-candidates; early ones wait for the offer."""
        if self._negotiating or self.pc.remoteDescription is None:
            if len(self._pending) < MAX_PENDING_CANDIDATES:
                self._pending.append(candidate)
            return
        await self._add_candidate(candidate)

    def replace_output(self, section: Section, track: MediaStreamTrack | None) -> None:
        """Send another track in ``section``, without a new offer."""
        if section in self._switches:
            self._switches[section].replace(track)

    def takes(self, section: Section) -> bool:
        """Whether the client lets this side send in ``section``, by the last description of both."""
        return any(
            known is section and transceiver.currentDirection in ("sendrecv", "sendonly")
            for known, transceiver in self._transceivers()
        )

    async def request_keyframes(self) -> None:
        """Ask for a keyframe of every video section that receives."""
        for track in self.inputs.values():
            if track.kind == "video":
                await track.request_keyframe()

    def request_own_keyframes(self) -> None:
        """Send a keyframe next in every video section that sends."""
        for section, transceiver in self._transceivers():
            if section is not None and section in self._switches and section.kind == "video":
                _aiortc.request_own_keyframe(transceiver.sender)

    async def close(self) -> None:
        """End everything within a few seconds: decoders, tracks, sockets, tasks."""
        await self._end_inputs()
        for switch in self._switches.values():
            switch.stop()
        try:
            await asyncio.wait_for(asyncio.shield(self.pc.close()), CLOSE_S)
        except TimeoutError:
            logger.error("aiortc did not close a connection within %.0f s", CLOSE_S)

    async def _apply(self, offer: str) -> None:
        description = RTCSessionDescription(sdp=sdp.strip_candidates(offer), type="offer")
        try:
            await self.pc.setRemoteDescription(description)
        except InvalidStateError:
            raise
        except Exception as error:
            # aiortc's parser and checks meet a stranger's text here, and raise whatever they raise.
            logger.warning("an offer could not be applied", exc_info=error)
            raise RequestError(400, "bad-sdp", f"the offer cannot be used: {error}") from None
        for section, transceiver in self._transceivers():
            self._prepare(section, transceiver)
        self._shape_gathering()

    def _transceivers(self) -> list[tuple[Section | None, RTCRtpTransceiver]]:
        transceivers = self.pc.getTransceivers()
        return list(zip(sections_of(t.kind for t in transceivers), transceivers, strict=True))

    def _prepare(self, section: Section | None, transceiver: RTCRtpTransceiver) -> None:
        if section is None:
            transceiver.direction = "inactive"
            return
        transceiver.direction = section.direction
        if section not in self._switches and section is not Section.SCREEN:
            switch = SwitchedTrack(section.kind)
            if section.kind == "video":
                switch.renew = _aiortc.watch_keyframe_requests(transceiver.sender, switch.keyframe_asked)
                codec = _aiortc.sending_codec(transceiver)
                _aiortc.use_bitrate(transceiver.sender, codec, self._outputs.bitrate)
            _aiortc.tap_sender(transceiver.sender, partial(self._outputs.sent_hook, section))
            switch.use_codec(_aiortc.sending_codec(transceiver))
            switch.replace(self._outputs.of(section))
            transceiver.sender.replaceTrack(switch)
            self._switches[section] = switch

    def _shape_gathering(self) -> None:
        if not self._gathering_shaped:
            self._gathering_shaped = True
            _aiortc.cap_gathering(self.pc, GATHER_S)
            if self._loopback:
                _aiortc.add_loopback_candidate(self.pc)

    async def _add_pending(self) -> None:
        while self._pending:
            await self._add_candidate(self._pending.pop(0))

    async def _add_candidate(self, candidate: RTCIceCandidate | None) -> None:
        if candidate is None:
            # Behind hidden candidates the end mark would take away the pairs the client's own checks make.
            if not self._hidden_candidates:
                await self.pc.addIceCandidate(None)
        elif candidate.ip.lower().endswith(".local"):
            self._hidden_candidates = True
        elif self.pc.signalingState != "closed":
            await self.pc.addIceCandidate(candidate)

    async def _end_inputs(self) -> None:
        """Let decoders finish their frame in their threads; aiortc's join would hold the loop meanwhile."""
        tracks = [track for track in self.inputs.values() if _aiortc.end_decoder(track.receiver)]
        ended = [track.decoder_ended.wait() for track in tracks]
        if ended:
            try:
                await asyncio.wait_for(asyncio.gather(*ended), DECODERS_END_S)
            except TimeoutError:
                logger.warning("a decoder took longer than %.1f s to end", DECODERS_END_S)
        for track in self.inputs.values():
            track.stop()

    def _on_state(self) -> None:
        self._listener.peer_state_changed(self, self.pc.connectionState)

    def _on_track(self, remote: RemoteStreamTrack) -> None:
        for section, transceiver in self._transceivers():
            if remote is transceiver.receiver.track and section is not None:
                track = InputTrack(remote, transceiver.receiver, section)
                track.on_ended = lambda ended: self._listener.peer_track_ended(self, ended)
                self.inputs[section] = track
                self._listener.peer_track_started(self, track)
