"""SmallWebRTCConnection against a bare aiortc peer, through real ICE, DTLS, SRTP and SCTP on this machine."""

from __future__ import annotations

import asyncio
import time

import pytest

from smallrtc_lab.errors import RequestError
from smallrtc_lab.rtc import (
    OutputTracks,
    OutputVideoTrack,
    Section,
    SmallWebRTCConnection,
)


async def test_candidates_that_come_while_the_answer_is_made_are_kept(wire):
    """Candidates trickled before the answer, and none in the offer, still connect."""
    connection = SmallWebRTCConnection([], loopback=True)
    browser = wire.Browser(audio=wire.Tone())
    offer = await browser.offer()
    lines = offer.splitlines()
    candidates = [line for line in lines if line.startswith("a=candidate:")]
    bare = "\r\n".join(line for line in lines if not line.startswith(("a=candidate:", "a=end-of"))) + "\r\n"
    from smallrtc_lab.rtc import IceCandidate

    for line in candidates:
        await connection.add_ice_candidate(IceCandidate(line[2:], "0", 0).parse())
    await connection.initialize(bare, "offer")
    await connection.connect()
    await browser.accept(connection.get_answer())
    await wire.until(connection.is_connected)
    await browser.close()
    await connection.disconnect()


async def test_hidden_candidates_and_their_end_mark_cost_nothing(wire):
    """An offer with nothing but a .local candidate and end-of-candidates connects at once."""
    connection = SmallWebRTCConnection([], loopback=True)
    browser = wire.Browser(audio="recvonly", video="recvonly")
    hidden = "a=candidate:1 1 udp 2122260223 0e1d-4a.local 51472 typ host\r\na=end-of-candidates"
    lines: list[str] = []
    for line in (await browser.offer()).splitlines():
        if line.startswith("a=candidate:"):
            continue
        lines.append(hidden if line == "a=end-of-candidates" else line)
    began_s = time.monotonic()
    await connection.initialize("\r\n".join(lines) + "\r\n", "offer")
    await connection.connect()
    await connection.add_ice_candidate(None)
    await browser.accept(connection.get_answer())
    await wire.until(connection.is_connected)
    took_s = time.monotonic() - began_s
    print(f"connected in {took_s:.2f} s")
    assert took_s < 7
    await browser.close()
    await connection.disconnect()


async def test_messages_arrive_once_and_in_order_before_and_after_connecting(wire):
    """Messages sent before the channel opens and before connect() wait, both ways, in order."""
    connection = SmallWebRTCConnection([], loopback=True)
    log = wire.Log(connection)
    browser = wire.Browser(audio="recvonly")
    connection.send_app_message({"n": 0})
    await connection.initialize(await browser.offer(), "offer")
    connection.send_app_message({"n": 1})
    await browser.accept(connection.get_answer())
    await browser.opened()
    for n in range(5):
        browser.channel.send(f'{{"page": {n}}}')
    await wire.until(lambda: len(browser.messages) == 2)
    await asyncio.sleep(0.1)
    assert log.messages == []
    assert "connected" not in log.names
    await connection.connect()
    browser.channel.send('{"page": 5}')
    connection.send_app_message({"n": 2})
    await wire.until(lambda: len(log.messages) == 6 and len(browser.messages) == 3)
    assert log.messages == [{"page": n} for n in range(6)]
    assert browser.messages == [{"n": n} for n in range(3)]
    assert log.names.index("connected") < log.names.index("app-message")
    await browser.close()
    await connection.disconnect()


async def test_a_page_that_sends_rubbish_is_ignored(wire):
    """Text that is no JSON, and signalling that is none, disturb neither the channel nor the events."""
    connection = SmallWebRTCConnection([], loopback=True)
    log = wire.Log(connection)
    async with wire.linked(connection, audio=wire.Tone()) as (browser, _):
        await browser.opened()
        for text in (
            "junk",
            '{"type":"signalling","message":{"type":"trackStatus","receiver_index":9}}',
            b"\xff",
        ):
            browser.channel.send(text)
        browser.channel.send(
            '{"type":"signalling","message":{"type":"trackStatus","receiver_index":0,"enabled":false}}'
        )
        browser.channel.send('"a string"')
        await wire.until(lambda: log.messages)
        assert log.messages == ["a string"]
        assert ("track-status", Section.AUDIO, False) in log.entries
        assert connection.audio_input_track().enabled is False


async def test_an_offer_that_cannot_be_used_is_a_request_error(wire):
    """Whatever aiortc makes of an offer without a codec it knows, the caller gets 400 bad-sdp."""
    browser = wire.Browser(video=wire.Camera())
    offer = (await browser.offer()).replace("VP8", "XX8").replace("H264", "XX64")
    connection = SmallWebRTCConnection([], loopback=True)
    with pytest.raises(RequestError) as caught:
        await connection.initialize(offer, "offer")
    assert (caught.value.status, caught.value.code) == (400, "bad-sdp")
    await connection.disconnect()
    await browser.close()


async def test_statistics_have_every_documented_field(wire):
    """stats() gives the route, times in milliseconds and counters of each section."""
    video = OutputVideoTrack()
    connection = SmallWebRTCConnection([], loopback=True, tracks=OutputTracks(video=video))
    async with wire.linked(connection, audio=wire.Tone(), video=wire.Camera()) as (browser, _):
        await browser.opened()
        browser.ping(0.1)
        connection.send_app_message("one")
        await asyncio.sleep(1.0)
        stats = await connection.stats()
        print(stats)
        assert stats["route"] == "direct"
        assert stats["state"] == "connected"
        assert 0 <= stats["rtt_ms"] < 1000
        assert stats["bytes_received"] > 1_000
        assert stats["video"]["packets_received"] > 0
        assert stats["video"]["packets_lost"] == 0
        assert stats["video"]["frames_received"] >= stats["video"]["frames_dropped"] > 0
        assert 0 <= stats["audio"]["jitter_ms"] < 1000
        assert stats["screen"] is None
