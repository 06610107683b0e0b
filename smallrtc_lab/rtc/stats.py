"""Numbers of one connection, read in one go.

``read_stats`` gives::

    route            "direct", "turn", or None before ICE has selected a pair
    rtt_ms           round trip in milliseconds by RTCP or, without it, by the data channel; None when unknown
    bytes_received   bytes on the transport since it began, headers included
    bytes_sent
    messages_dropped messages for the client that were never sent
    messages_stuck   whether the client is there and takes nothing of what was sent
    audio, video, screen   each None without that section, else a dict of

        packets_received   RTP packets since the section began, retransmissions excluded
        packets_lost       RTP packets that never came (RFC 3550 section 6.4.1)
        jitter_ms          interarrival jitter in milliseconds (RFC 3550 section 6.4.1)
        frames_received    decoded frames
        frames_dropped     decoded frames that nobody took in time
        encoded_dropped    encoded frames dropped because decoding could not keep up
        gaps_skipped       how often lost packets were given up
        packets_late       packets that came after that (video: or twice)
        jitter_depth_ms    how long a missing packet of sound is waited for; None for video
        enabled            whether the client's source is switched on
        frames_sent        frames that went to the encoder; None without an output track that counts
        frames_unsent      frames that were replaced or skipped before that; None likewise
"""

from __future__ import annotations

from typing import Any, TypeAlias

from aiortc import MediaStreamTrack, RTCPeerConnection

from . import _aiortc
from .peer import Peer
from .sections import Section
from .tracks import InputTrack, OutputTracks

__all__ = ["Stats", "read_stats"]

Stats: TypeAlias = dict[str, Any]

_CLOCK_HZ = {"audio": 48_000, "video": 90_000}


async def read_stats(peer: Peer, outputs: OutputTracks) -> Stats:
    """The numbers of ``peer``; see the module for the fields."""
    pair = _aiortc.selected_pair(peer.pc)
    stats: Stats = {"route": None if pair is None else pair.route}
    stats.update(await _transport(peer.pc))
    for section in Section:
        stats[section.key] = _section(peer.inputs.get(section), outputs.of(section))
    return stats


async def _transport(pc: RTCPeerConnection) -> Stats:
    rtt_s: float | None = None
    received = sent = 0
    for report in (await pc.getStats()).values():
        if report.type == "remote-inbound-rtp" and report.roundTripTime is not None:
            rtt_s = report.roundTripTime
        elif report.type == "transport":
            received, sent = report.bytesReceived, report.bytesSent
    if rtt_s is None:
        rtt_s = _aiortc.read_sctp_rtt_s(pc)
    return {
        "rtt_ms": None if rtt_s is None else max(0.0, rtt_s) * 1000,
        "bytes_received": received,
        "bytes_sent": sent,
    }


def _section(track: InputTrack | None, output: MediaStreamTrack | None) -> Stats | None:
    if track is None and output is None:
        return None
    stats: Stats = {
        "frames_sent": getattr(output, "sent", None),
        "frames_unsent": getattr(output, "dropped", None),
    }
    if track is not None:
        counters = _aiortc.read_counters(track.receiver)
        stats |= {
            "packets_received": counters.packets_received,
            "packets_lost": counters.packets_lost,
            "jitter_ms": counters.jitter * 1000 / _CLOCK_HZ[track.kind],
            "frames_received": track.received,
            "frames_dropped": track.dropped,
            "encoded_dropped": track.encoded_dropped,
            "gaps_skipped": track.gaps_skipped,
            "packets_late": track.packets_late,
            "jitter_depth_ms": None if track.jitter_depth_s is None else track.jitter_depth_s * 1000,
            "enabled": track.enabled,
        }
    return stats
