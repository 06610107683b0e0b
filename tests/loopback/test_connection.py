"""SmallWebRTCConnection against a bare aiortc peer, through real ICE, DTLS, SRTP and SCTP on this machine."""

from __future__ import annotations

import asyncio
import threading
import time

import av
import numpy as np
import pytest
from aiortc.mediastreams import MediaStreamError

from smallrtc_lab.errors import ClosedError, RequestError
from smallrtc_lab.rtc import (
    EndReason,
    OutputAudioTrack,
    OutputTracks,
    OutputVideoTrack,
    Section,
    SmallWebRTCConnection,
    incoming,
)
from smallrtc_lab.rtc.connection import EVENTS


class ToneSource:
    """A sine for :class:`OutputAudioTrack`."""

    def __init__(self, hz: float) -> None:
        self.hz, self.position = hz, 0

    def read(self, n: int) -> np.ndarray:
        times_s = (self.position + np.arange(n)) / 48000
        self.position += n
        return np.rint(np.sin(2 * np.pi * self.hz * times_s) * 16384).astype(np.int16)[:, None]


def picture_error(frame: av.VideoFrame, image: np.ndarray) -> float:
    return float(np.abs(frame.to_ndarray(format="rgb24").astype(int) - image.astype(int)).mean())


async def tone_of(recv) -> tuple[float, float]:
    """The strongest frequency in Hz and its amplitude (full scale 1) in half a second of sound."""
    for _ in range(10):
        await recv()
    frames = [await recv() for _ in range(25)]
    mono = np.concatenate([f.to_ndarray().reshape(-1, len(f.layout.channels))[:, 0] for f in frames]) / 32768
    spectrum = np.abs(np.fft.rfft(mono * np.hanning(len(mono))))
    peak = int(spectrum.argmax())
    return peak * 48000 / len(mono), float(np.sqrt(np.mean(mono**2)) * np.sqrt(2))


async def test_picture_and_sound_arrive_both_ways(wire):
    """A camera, a microphone, a returned picture and a returned tone arrive as they were sent."""
    video, audio = OutputVideoTrack(), OutputAudioTrack(ToneSource(880))
    connection = SmallWebRTCConnection([], loopback=True, tracks=OutputTracks(audio=audio, video=video))
    async with wire.linked(connection, audio=wire.Tone(), video=wire.Camera()) as (browser, _):
        got = await asyncio.wait_for(connection.video_input_track().recv(), 30)
        assert picture_error(got, wire.picture()) < 4
        hz, amplitude = await asyncio.wait_for(tone_of(connection.audio_input_track().recv), 30)
        print(f"in: {picture_error(got, wire.picture()):.2f} mean error, {hz:.0f} Hz, {amplitude:.3f}")
        assert abs(hz - wire.TONE_HZ) <= 3
        assert amplitude == pytest.approx(0.5, rel=0.15)

        returned = 255 - wire.picture()
        for n in range(10):
            video.put(av.VideoFrame.from_ndarray(returned, "rgb24").reformat(format="yuv420p"), n / 30)
            await asyncio.sleep(1 / 30)
        back = await asyncio.wait_for(browser.tracks[1].recv(), 30)
        assert picture_error(back, returned) < 4
        hz, amplitude = await asyncio.wait_for(tone_of(browser.tracks[0].recv), 30)
        print(f"out: {picture_error(back, returned):.2f} mean error, {hz:.0f} Hz, {amplitude:.3f}")
        assert abs(hz - 880) <= 3
        assert amplitude == pytest.approx(0.5, rel=0.15)


async def test_receive_only_offer_gets_a_picture_without_any_device(wire):
    """A page that only receives, offering recvonly sections, is answered sendonly and sees the picture."""
    video = OutputVideoTrack()
    connection = SmallWebRTCConnection([], loopback=True, tracks=OutputTracks(video=video))
    async with wire.linked(connection, audio="recvonly", video="recvonly") as (browser, _):
        assert connection.video_input_track() is None
        assert connection.get_answer()["sdp"].count("a=sendonly") == 2
        for n in range(8):
            video.put(av.VideoFrame.from_ndarray(wire.picture(), "rgb24").reformat(format="yuv420p"), n / 30)
            await asyncio.sleep(1 / 30)
        back = await asyncio.wait_for(browser.tracks[1].recv(), 30)
        assert picture_error(back, wire.picture()) < 4


async def test_a_camera_added_by_renegotiation_arrives(wire):
    """A receive-only session becomes a sending one by a second offer on the same connection."""
    connection = SmallWebRTCConnection([], loopback=True)
    log = wire.Log(connection)
    async with wire.linked(connection, audio="recvonly", video="recvonly") as (browser, _):
        pc_id = connection.pc_id
        transceiver = browser.pc.getTransceivers()[1]
        transceiver.sender.replaceTrack(wire.Camera())
        transceiver.direction = "sendrecv"
        await connection.renegotiate(await browser.offer(), "offer")
        await browser.accept(connection.get_answer())
        got = await asyncio.wait_for(connection.video_input_track().recv(), 30)
        assert picture_error(got, wire.picture()) < 4
        assert connection.pc_id == pc_id
        assert log.names.count("track-started") == 1


async def test_three_sections_keep_their_identity(wire):
    """Audio, camera and screen are told apart by their order, and the screen is answered recvonly."""
    shared = 255 - wire.picture()
    connection = SmallWebRTCConnection([], loopback=True)
    sections = {"audio": wire.Tone(), "video": wire.Camera(), "screen": wire.Camera(shared)}
    async with wire.linked(connection, **sections):
        camera = await asyncio.wait_for(connection.video_input_track().recv(), 30)
        screen = await asyncio.wait_for(connection.screen_video_input_track().recv(), 30)
        assert picture_error(camera, wire.picture()) < 4
        assert picture_error(screen, shared) < 4
        answer = connection.get_answer()["sdp"]
        assert [line for line in answer.splitlines() if line in ("a=sendrecv", "a=recvonly")] == [
            "a=sendrecv",
            "a=sendrecv",
            "a=recvonly",
        ]
        assert connection.screen_video_input_track().section is Section.SCREEN


async def test_restart_replaces_the_peer_and_keeps_handlers_and_outputs(wire):
    """restart_pc gives a new pc_id and a disconnected event; handlers and what is sent stay."""
    video = OutputVideoTrack()
    connection = SmallWebRTCConnection([], loopback=True, tracks=OutputTracks(video=video))
    log = wire.Log(connection)
    second = wire.Browser(audio=wire.Tone(), video=wire.Camera())
    async with wire.linked(connection, audio=wire.Tone(), video=wire.Camera()):
        old_id = connection.pc_id
        await connection.renegotiate(await second.offer(), "offer", restart_pc=True)
        assert connection.pc_id != old_id
        assert connection.get_answer()["pc_id"] == connection.pc_id
        await second.accept(connection.get_answer())
        await wire.until(connection.is_connected)
        got = await asyncio.wait_for(connection.video_input_track().recv(), 30)
        assert picture_error(got, wire.picture()) < 4
        for n in range(8):
            video.put(av.VideoFrame.from_ndarray(wire.picture(), "rgb24").reformat(format="yuv420p"), n / 30)
            await asyncio.sleep(1 / 30)
        back = await asyncio.wait_for(second.tracks[1].recv(), 30)
        assert picture_error(back, wire.picture()) < 4
        await second.close()
    states = [name for name in log.names if name in EVENTS and not name.startswith("track")]
    assert states == [
        "new",
        "connecting",
        "connected",
        "disconnected",
        "connecting",
        "connected",
        *states[6:],
    ]
    assert states[-1] == "closed"


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


async def test_lost_pings_mean_disconnected_then_closed(wire):
    """Three seconds without a ping are a disconnect, three more the end."""
    connection = SmallWebRTCConnection([], loopback=True)
    log = wire.Log(connection)
    async with wire.linked(connection, audio=wire.Tone()) as (browser, _):
        await browser.opened()
        browser.ping(0.2)
        await asyncio.sleep(0.5)
        browser.stop_pings()
        stopped_s = time.monotonic()
        await wire.until(lambda: "disconnected" in log.names)
        assert 2.5 < time.monotonic() - stopped_s < 15
        assert not connection.is_connected()
        await wire.until(lambda: "closed" in log.names)
        assert 5.0 < time.monotonic() - stopped_s < 30
        assert connection.end_reason is EndReason.LOST


async def test_a_page_that_closes_is_noticed_at_once(wire):
    """When the page closes its side, disconnected and closed follow within a second."""
    connection = SmallWebRTCConnection([], loopback=True)
    log = wire.Log(connection)
    async with wire.linked(connection, audio=wire.Tone()) as (browser, _):
        await browser.close()
        await wire.until(lambda: "closed" in log.names, 30)
        assert log.names[-2:] == ["disconnected", "closed"] or "disconnected" in log.names
        assert connection.end_reason is EndReason.LEFT


async def test_the_page_is_told_before_this_side_leaves(wire):
    """disconnect() sends peerLeft before anything is closed."""
    connection = SmallWebRTCConnection([], loopback=True)
    browser = wire.Browser(audio=wire.Tone())
    await wire.link(browser, connection)
    await browser.opened()
    connection.ask_to_renegotiate()
    connection.ask_to_renegotiate()
    await connection.disconnect()
    await wire.until(lambda: len(browser.messages) == 2)
    assert [message["message"]["type"] for message in browser.messages] == ["renegotiate", "peerLeft"]
    await browser.close()


async def test_last_words_arrive_before_this_side_leaves(wire):
    """What is said to a client the moment it is connected arrives, although this side leaves at once."""
    connection, browser = SmallWebRTCConnection([], loopback=True), wire.Browser(audio="sendrecv")

    @connection.event_handler("connected")
    async def bye(connection):
        connection.send_app_message("sorry, no room")
        await connection.disconnect()

    await connection.initialize(await browser.offer(), "offer")
    await connection.connect()
    await browser.accept(connection.get_answer())
    await wire.until(lambda: len(browser.messages) == 2)
    assert browser.messages[0] == "sorry, no room"
    assert browser.messages[1]["message"] == {"type": "peerLeft"}
    await browser.close()


async def test_a_client_that_never_connects_is_closed(wire):
    """Without a connection in time there is a closed event, and the reason is kept."""
    connection = SmallWebRTCConnection([], 0.3, loopback=True)
    log = wire.Log(connection)
    browser = wire.Browser(audio=wire.Tone())
    await connection.initialize(await browser.offer(), "offer")
    await wire.until(lambda: "closed" in log.names, 30)
    assert connection.end_reason is EndReason.TIMEOUT
    with pytest.raises(ClosedError):
        await connection.renegotiate("v=0", "offer")
    await browser.close()


async def test_closing_leaves_no_task_and_no_thread(wire):
    """After both ends closed there are as many tasks and decoder threads as before."""
    tasks, threads = len(asyncio.all_tasks()), {t.name for t in threading.enumerate()}
    for _ in range(2):
        video = OutputVideoTrack()
        connection = SmallWebRTCConnection([], loopback=True, tracks=OutputTracks(video=video))
        async with wire.linked(connection, audio=wire.Tone(), video=wire.Camera()):
            await asyncio.wait_for(connection.video_input_track().recv(), 30)
        assert video.readyState == "ended"
    await wire.until(lambda: len(asyncio.all_tasks()) == tasks, 30)
    left = {t.name for t in threading.enumerate()} - threads
    assert not [name for name in left if "decoder" in name], left


async def test_a_handler_may_disconnect_its_own_connection(wire):
    """disconnect() from within an event handler does not wait for itself."""
    connection = SmallWebRTCConnection([], loopback=True)
    log = wire.Log(connection)

    @connection.event_handler("app-message")
    async def leave(connection, message):
        await connection.disconnect()

    async with wire.linked(connection, audio=wire.Tone()) as (browser, _):
        await browser.opened()
        browser.channel.send('"leave"')
        await wire.until(lambda: "closed" in log.names, 30)


async def test_an_unread_track_does_not_grow(wire, monkeypatch):
    """Frames that nobody reads are dropped and counted; the next read gives a fresh one."""
    monkeypatch.setattr(incoming, "AUDIO_FRAMES", 50)  # five seconds' worth would take as long to fill
    connection = SmallWebRTCConnection([], loopback=True)
    async with wire.linked(connection, audio=wire.Tone(), video=wire.Camera()):
        video, audio = connection.video_input_track(), connection.audio_input_track()
        await wire.until(lambda: audio.received > 70)
        assert video.dropped >= video.received - 1 > 3
        assert audio.dropped >= audio.received - 50
        _, arrived_s = await video.recv_timed()
        assert time.monotonic() - arrived_s < 1
        await audio.discard_old_frames()
        _, arrived_s = await asyncio.wait_for(audio.recv_timed(), 30)
        assert time.monotonic() - arrived_s < 0.5
        assert video.encoded_dropped == audio.encoded_dropped == 0


async def test_a_reader_is_woken_when_the_connection_ends(wire):
    """A recv() that waits while everything is closed ends with MediaStreamError."""
    connection = SmallWebRTCConnection([], loopback=True)
    log = wire.Log(connection)
    async with wire.linked(connection, audio="inactive", video=wire.Camera(frame_rate=1)):
        track = connection.video_input_track()
        await track.recv()
        waiting = asyncio.ensure_future(track.recv())
        await asyncio.sleep(0)
        await connection.disconnect()
        with pytest.raises(MediaStreamError):
            await asyncio.wait_for(waiting, 30)
    assert track.readyState == "ended"
    assert log.names[-2:] == ["track-ended", "closed"]


async def test_a_keyframe_comes_when_it_is_asked_for(wire):
    """request_keyframe() makes the sender code a picture that needs no other, at most twice a second."""
    connection, seen = SmallWebRTCConnection([], loopback=True), []
    async with wire.linked(connection, video=wire.Camera()):
        track = connection.video_input_track()
        await track.recv()
        track.on_encoded = lambda picture, timestamp, keyframe: seen.append(keyframe)
        await asyncio.sleep(0.6)
        assert not any(seen)
        assert await track.request_keyframe()
        assert not await track.request_keyframe()
        await wire.until(lambda: any(seen), 30)


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
