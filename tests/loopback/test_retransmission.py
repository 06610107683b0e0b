"""Lost datagrams of a camera beside a screen, and of sound: they are sent again, and nothing is missing."""

from __future__ import annotations

import random

from support.udprelay import UdpRelay

from smallrtc_lab.rtc import SmallWebRTCConnection

FRAMES = 60
LOSS = 0.1


async def test_lost_packets_are_sent_again(wire):
    """Two streams have the same codecs, and only its SSRC tells whose a retransmission is; sound is sent again, too."""
    camera, screen = wire.Camera(), wire.Camera()
    connection = SmallWebRTCConnection([], loopback=True)
    browser = wire.Browser(audio=wire.Tone(), video=camera, screen=screen)
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
        tracks.append(connection.audio_input_track())
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
