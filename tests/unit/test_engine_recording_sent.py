"""What is sent, for who records it: a connection is watched only while somebody wants that."""

from __future__ import annotations

import time

from support.packets import sound

from smallrtc_lab.engine.recording.sent import Sent
from smallrtc_lab.media.clock import SessionClock
from smallrtc_lab.media.encoded import TimedPacket
from smallrtc_lab.rtc.connection import SmallWebRTCConnection
from smallrtc_lab.rtc.sections import Section


async def test_packets_have_session_times_and_epochs() -> None:
    """They grow by what the packets last; another connection begins another epoch, and none is watched at the end."""
    seen: list[tuple[Section, TimedPacket]] = []
    sent = Sent(SessionClock(time.monotonic() - 10))
    first, second = SmallWebRTCConnection(), SmallWebRTCConnection()
    sent.watch(first)
    assert first._outputs.on_sent is None  # nobody records
    sent.taps.append(lambda section, packet: seen.append((section, packet)))
    for connection in (first, second):
        sent.watch(connection)
        hook = connection._outputs.sent_hook(Section.AUDIO)
        assert hook is not None
        for packet in sound(3):
            hook(packet)
    assert [packet.epoch for _, packet in seen] == [1, 1, 1, 2, 2, 2]
    assert {section for section, _ in seen} == {Section.AUDIO}
    times_s = [packet.time_s for _, packet in seen]
    assert all(9 < at < 60 for at in times_s)
    assert times_s[:3] == sorted(times_s[:3])
    assert first._outputs.on_sent is None
    sent.watch(None)
    assert second._outputs.on_sent is None
    for connection in (first, second):
        await connection.disconnect()
