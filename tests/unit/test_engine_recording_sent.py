"""What is sent, for who records it: a connection is watched only while somebody wants that."""

from __future__ import annotations

import time

import numpy as np
from support.packets import sound
from support.waiting import until

from smallrtc_lab.engine.recording.sent import Sent
from smallrtc_lab.engine.relaying.connection import RelayConnection
from smallrtc_lab.media.clock import SessionClock
from smallrtc_lab.media.convert import from_picture
from smallrtc_lab.media.encoded import TimedPacket
from smallrtc_lab.rtc.connection import SmallWebRTCConnection
from smallrtc_lab.rtc.sections import Section
from smallrtc_lab.rtc.tracks import OutputVideoTrack


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


async def test_a_relay_tells_what_it_sends_too() -> None:
    """Pictures in VP8, a keyframe first; nobody is told afterwards."""
    seen: list[tuple[Section, TimedPacket]] = []
    sent = Sent(SessionClock(time.monotonic() - 10))
    sent.taps.append(lambda section, packet: seen.append((section, packet)))
    relay = RelayConnection({"takes": ["audio", "video"], "plays": ["vp8", "opus"]}, lambda content: None)
    sent.watch(relay)
    picture = OutputVideoTrack()
    relay.replace_video_track(picture)
    image = np.full((120, 160, 3), 80, np.uint8)
    for number in range(3):
        picture.put(from_picture(image, "rgb"), number / 30)
        await until(lambda count=number: sum(section is Section.CAMERA for section, _ in seen) > count)
    assert {(section, packet.packet.codec) for section, packet in seen} == {(Section.CAMERA, "VP8")}
    pictures = [packet for section, packet in seen if section is Section.CAMERA]
    assert [one.packet.keyframe for one in pictures] == [True, False, False]
    assert [one.time_s for one in pictures] == sorted(one.time_s for one in pictures)
    sent.watch(None)
    count = len(pictures)
    picture.put(from_picture(image, "rgb"), 1.0)
    await until(lambda: relay._pictures.sent > count)
    assert sum(section is Section.CAMERA for section, _ in seen) == count
    await relay.disconnect()
