"""What is private of aiortc's and aioice's transports: candidates, pairs, and the data channel's progress."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from aiortc import RTCPeerConnection, rtcsctptransport
from aiortc.rtcicetransport import RTCIceTransport

from smallrtc_lab.rtc.stall import Progress

__all__ = [
    "PairTypes",
    "TriedPair",
    "add_loopback_candidate",
    "cap_gathering",
    "cut_messages",
    "read_sctp_progress",
    "read_sctp_rtt_s",
    "selected_pair",
    "tried_pairs",
]


def read_sctp_rtt_s(pc: RTCPeerConnection) -> float | None:
    """The data channel's smoothed round trip time in seconds (RFC 9260 section 6.3.1), once it is known."""
    return None if pc.sctp is None else pc.sctp._srtt


def read_sctp_progress(pc: RTCPeerConnection) -> Progress | None:
    """How far the other side has taken what was sent on data channels; None without any."""
    sctp = pc.sctp
    if sctp is None:
        return None
    return Progress(sctp._last_sacked_tsn, bool(sctp._sent_queue or sctp._outbound_queue))


def cut_messages(chunk_bytes: int) -> None:
    """Put at most so much user data into an SCTP chunk, in every connection of this process."""
    rtcsctptransport.USERDATA_MAX_LENGTH = chunk_bytes


@dataclass(frozen=True)
class PairTypes:
    """The candidate types (RFC 8445: host, srflx, prflx, relay) of the pair that carries the media."""

    local: str
    remote: str

    @property
    def route(self) -> Literal["direct", "turn"]:
        """``"turn"`` when either side relays."""
        return "turn" if "relay" in (self.local, self.remote) else "direct"


def selected_pair(pc: RTCPeerConnection) -> PairTypes | None:
    """The pair ICE selected, or None before it did."""
    for transport in _ice_transports(pc):
        pair = transport.iceGatherer._connection._nominated.get(1)
        if pair is not None:
            return PairTypes(pair.local_candidate.type, pair.remote_candidate.type)
    return None


@dataclass(frozen=True)
class TriedPair:
    """A pair of candidates as ICE checked it: their types, and ``succeeded``, ``failed``, ``waiting`` and so on (W3C).

    No address: a table of them is for people, and may be sent to somebody.
    """

    local: str
    remote: str
    state: str


def tried_pairs(pc: RTCPeerConnection) -> list[TriedPair]:
    """Every pair that ICE made so far, best first; also after the connection was closed."""
    found = [
        TriedPair(pair.local_candidate.type, pair.remote_candidate.type, _PAIR_STATES[pair.state.name])
        for transport in _ice_transports(pc)
        for pair in transport.iceGatherer._connection._check_list
    ]
    return list(dict.fromkeys(found))


_PAIR_STATES = {  # W3C webrtc-stats, RTCStatsIceCandidatePairState
    "FROZEN": "frozen",
    "WAITING": "waiting",
    "IN_PROGRESS": "in-progress",
    "SUCCEEDED": "succeeded",
    "FAILED": "failed",
}


def add_loopback_candidate(pc: RTCPeerConnection) -> None:
    """Let ``pc`` gather 127.0.0.1 too, so that two peers of one machine connect without any network.

    Call when the ICE transports exist and before gathering: for the offerer after its transceivers and
    data channels were added, for the answerer after ``setRemoteDescription``.
    """
    for transport in _ice_transports(pc):
        _wrap_gathering(transport, extra=["127.0.0.1"], timeout_s=None)


def cap_gathering(pc: RTCPeerConnection, timeout_s: float) -> None:
    """Do not wait longer than ``timeout_s`` for STUN and TURN servers (aioice: 5 s for a dead one)."""
    for transport in _ice_transports(pc):
        _wrap_gathering(transport, extra=[], timeout_s=timeout_s)


def _wrap_gathering(transport: RTCIceTransport, *, extra: list[str], timeout_s: float | None) -> None:
    connection = transport.iceGatherer._connection
    gather = connection.get_component_candidates

    async def gather_within(component: int, addresses: list[str], timeout: float = 5) -> list[Any]:
        more = [address for address in extra if address not in addresses]
        # aioice annotates whole seconds; asyncio.wait takes any.
        limit: Any = timeout if timeout_s is None else min(timeout, timeout_s)
        return await gather(component, addresses + more, limit)

    connection.get_component_candidates = gather_within  # type: ignore[method-assign]


def _ice_transports(pc: RTCPeerConnection) -> list[RTCIceTransport]:
    dtls = [transceiver.receiver.transport for transceiver in pc.getTransceivers()]
    if pc.sctp is not None:
        dtls.append(pc.sctp.transport)
    return list(dict.fromkeys(transport.transport for transport in dtls))
