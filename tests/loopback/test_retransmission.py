"""Lost datagrams of a camera beside a screen: they are sent again, and no picture is missing."""

from __future__ import annotations

import random

from support.udprelay import UdpRelay

from smallrtc_lab.rtc import SmallWebRTCConnection

FRAMES = 60
LOSS = 0.1


async def test_lost_packets_of_one_of_two_streams_are_sent_again(wire):
    """Both have the same codecs, so that only its SSRC tells whose a retransmission is; no gap is given up."""
    camera, screen = wire.Camera(), wire.Camera()
    connection, browser = SmallWebRTCConnection([], loopback=True), wire.Browser(video=camera, screen=screen)
    relay = None
    luck = random.Random(1)
    try:
        offer = await browser.offer()
        lines = [line for line in offer.splitlines() if not line.startswith("a=candidate")]
        await connection.initialize("\r\n".join(lines) + "\r\n", "offer")
        await connection.connect()
        answer = dict(connection.get_answer())
        answer["sdp"], relay = await UdpRelay.into(answer["sdp"])
        await browser.accept(answer)
        await wire.until(connection.is_connected)
        tracks = [connection.video_input_track(), connection.screen_video_input_track()]
        await wire.until(lambda: all(track.received > 5 for track in tracks))
        relay.loses = lambda length: luck.random() < LOSS
        before = [track.received for track in tracks]
        await wire.until(
            lambda: all(track.received > least + FRAMES for track, least in zip(tracks, before, strict=True))
        )
        print(f"{relay.lost} datagrams lost; gaps given up: {[track.gaps_skipped for track in tracks]}")
        assert relay.lost > 5
        assert sum(track.gaps_skipped for track in tracks) <= relay.lost / 5
    finally:
        await browser.close()
        await connection.disconnect()
        if relay is not None:
            relay.close()
