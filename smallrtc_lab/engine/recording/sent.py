"""What Python sends to the browser, encoded, on the session's clock: for whoever records it."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from smallrtc_lab.engine.connections import SessionConnection
from smallrtc_lab.engine.relaying.connection import RelayConnection
from smallrtc_lab.media.clock import SessionClock, StreamClock
from smallrtc_lab.media.encoded import EncodedPacket, TimedPacket
from smallrtc_lab.media.recorder_codecs import packet_s
from smallrtc_lab.rtc.connection import SmallWebRTCConnection
from smallrtc_lab.rtc.sections import Section

__all__ = ["Sent", "SentTap"]

SentTap = Callable[[Section, TimedPacket], None]


class Sent:
    """The outgoing streams of a session, through its connections. On the engine's loop.

    Times are those of leaving, as even as the stream's own. While nobody listens nothing is looked at. A connection
    that sends nothing of ours, such as a replay's, tells nothing.
    """

    def __init__(self, clock: SessionClock) -> None:
        self.taps: list[SentTap] = []
        self._clock = clock
        self._clocks: dict[Section, StreamClock] = {}
        self._epoch = 0
        self._connection: SmallWebRTCConnection | RelayConnection | None = None

    @property
    def epoch(self) -> int:
        """Counts the connections."""
        return self._epoch

    def watch(self, connection: SessionConnection | None) -> None:
        """Follow this connection now, if there is somebody to tell; the one before no longer."""
        if connection is self._connection and connection is not None:
            return
        if self._connection is not None:
            self._connection.watch_sent(None)
        self._connection = None
        if self.taps and isinstance(connection, SmallWebRTCConnection | RelayConnection):
            self._connection = connection
            self._clocks.clear()
            self._epoch += 1
            connection.watch_sent(self._accept)

    def request_keyframe(self) -> None:
        """Send a picture next that needs no other."""
        if self._connection is not None:
            self._connection.request_own_keyframe()

    def _accept(self, section: Section, packet: EncodedPacket) -> None:
        clock = self._clocks.setdefault(section, StreamClock())
        arrival_s = self._clock.now_s()
        duration_s = packet_s(packet) if section is Section.AUDIO else 0.0
        time_s = clock.map(packet.pts, Fraction(1, packet.clock_hz), arrival_s, duration_s=duration_s)
        timed = TimedPacket(packet, time_s, "arrival", arrival_s, self._epoch)
        for tap in self.taps:
            tap(section, timed)
