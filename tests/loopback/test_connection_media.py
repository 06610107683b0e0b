"""Pictures and sound of a SmallWebRTCConnection, to and from a bare aiortc peer, through the real thing."""

from __future__ import annotations

import asyncio
import time

import av
import numpy as np
import pytest

from smallrtc_lab.rtc import (
    OutputAudioTrack,
    OutputTracks,
    OutputVideoTrack,
    Section,
    SmallWebRTCConnection,
    decoded,
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
    """restart_pc gives a new pc_id and a disconnected event; handlers, what is sent and what is switched off stay."""
    video = OutputVideoTrack()
    connection = SmallWebRTCConnection([], loopback=True, tracks=OutputTracks(video=video))
    log = wire.Log(connection)
    second = wire.Browser(audio=wire.Tone(), video=wire.Camera())
    async with wire.linked(connection, audio=wire.Tone(), video=wire.Camera()) as (first, _):
        await first.opened()
        first.channel.send(
            '{"type":"signalling","message":{"type":"trackStatus","receiver_index":0,"enabled":false}}'
        )
        await wire.until(lambda: "track-status" in log.names)
        old_id = connection.pc_id
        await connection.renegotiate(await second.offer(), "offer", restart_pc=True)
        assert connection.pc_id != old_id
        assert connection.get_answer()["pc_id"] == connection.pc_id
        await second.accept(connection.get_answer())
        await wire.until(connection.is_connected)
        assert not connection.audio_input_track().is_enabled()
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


async def test_an_unread_track_does_not_grow(wire, monkeypatch):
    """Frames that nobody reads are dropped and counted; the next read gives a fresh one."""
    monkeypatch.setattr(decoded, "AUDIO_FRAMES", 50)  # five seconds' worth would take as long to fill
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


async def test_a_keyframe_comes_when_it_is_asked_for(wire):
    """request_keyframe() makes the sender code a picture that needs no other, at most twice a second."""
    connection, seen = SmallWebRTCConnection([], loopback=True), []
    async with wire.linked(connection, video=wire.Camera()):
        track = connection.video_input_track()
        await track.recv()
        track.on_encoded = lambda packet: seen.append(packet.keyframe)
        await asyncio.sleep(0.6)
        assert not any(seen)
        assert await track.request_keyframe()
        assert not await track.request_keyframe()
        await wire.until(lambda: any(seen), 30)
