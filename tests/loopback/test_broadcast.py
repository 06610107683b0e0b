"""One source to several real peers: encoded once, each with its own coming, going and losing."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import numpy as np
from aiortc import MediaStreamTrack, RTCRtpSender
from support.knownmedia import tone_of

from smallrtc_lab.bots.arguments import RunnerArguments
from smallrtc_lab.bots.host import BotHost, HostOptions
from smallrtc_lab.params import TransportParams
from smallrtc_lab.rtc import SmallWebRTCConnection, SmallWebRTCTransport, _aiortc
from smallrtc_lab.rtc.broadcast import Broadcast

PATIENCE_S = 60.0
TONE_HZ = 700.0
LISTENING = {"audio": "recvonly", "video": "recvonly"}


class Studio:
    """Pictures of one colour and a tone, put into a broadcast at their pace."""

    def __init__(self, wire: Any) -> None:
        self.broadcast = Broadcast()
        self.image = wire.picture()
        self._sample = 0

    @asynccontextmanager
    async def live(self) -> AsyncIterator[Broadcast]:
        task = asyncio.create_task(self._run())
        try:
            yield self.broadcast
        finally:
            task.cancel()
            self.broadcast.close()

    async def _run(self) -> None:
        begin_s = time.monotonic()
        while True:
            times_s = (self._sample + np.arange(960)) / 48_000
            self.broadcast.put_sound(0.4 * np.sin(2 * np.pi * TONE_HZ * times_s))
            if self._sample % 2880 == 0:
                self.broadcast.put_picture(self.image)
            self._sample += 960
            await asyncio.sleep(max(0.0, begin_s + self._sample / 48_000 - time.monotonic()))


async def until_seen(track: MediaStreamTrack, image: np.ndarray) -> None:
    """Until that picture is there, but for what the codec changes."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            shown = (await track.recv()).to_ndarray(format="rgb24").astype(int)
            if shown.shape == image.shape and np.abs(shown - image).mean() < 8:
                return


async def until_heard(track: MediaStreamTrack, hz: float) -> None:
    """Until half a second is that tone."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            frames = [(await track.recv()).to_ndarray()[0, ::2] for _ in range(25)]
            found_hz, amplitude = tone_of(np.concatenate(frames) / 32_768, 48_000)
            if abs(found_hz - hz) < 5 and amplitude > 0.2:
                return


async def pictures_sent(pc: Any) -> int:
    return sum(
        report.packetsSent for report in (await pc.getStats()).values() if report.type == "outbound-rtp"
    )


async def test_three_see_and_hear_what_was_encoded_once(wire: Any) -> None:
    """Each sees the picture and hears the tone, also who joins late; one leaves, the others go on."""
    studio = Studio(wire)
    async with studio.live() as broadcast, AsyncExitStack() as stack:

        async def join() -> tuple[Any, AsyncExitStack]:
            own = await stack.enter_async_context(AsyncExitStack())
            browser, connection = await own.enter_async_context(wire.linked(**LISTENING))
            connection.replace_audio_track(broadcast.audio_track())
            connection.replace_video_track(broadcast.video_track())
            return browser, own

        async def enjoy(browser: Any) -> None:
            sound, picture = browser.tracks
            await asyncio.gather(until_seen(picture, studio.image), until_heard(sound, TONE_HZ))

        first, second = await join(), await join()
        await asyncio.gather(enjoy(first[0]), enjoy(second[0]))
        third = await join()
        await enjoy(third[0])
        stats = broadcast.stats()
        print(stats)
        for kind in ("video", "audio"):
            assert stats[kind]["encoders"] == 1
            assert stats[kind]["tracks"] == 3
            assert stats[kind]["encoded"] <= stats[kind]["put"] + stats["video"]["keyframes"]
        await first[1].aclose()
        assert broadcast.stats()["video"]["tracks"] == 2
        await asyncio.gather(enjoy(second[0]), enjoy(third[0]))


async def test_from_frames_to_packets_and_back(wire: Any) -> None:
    """A connection that goes over from a source of its own to a broadcast, and back, shows each of them at once."""
    studio = Studio(wire)
    mine = np.full_like(studio.image, (40, 160, 60))
    async with studio.live() as broadcast, wire.linked(**LISTENING) as (browser, connection):
        sound, picture = browser.tracks
        for _ in range(2):
            connection.replace_audio_track(wire.Tone(440))
            connection.replace_video_track(wire.Camera(mine))
            await asyncio.gather(until_seen(picture, mine), until_heard(sound, 440))
            connection.replace_audio_track(broadcast.audio_track())
            connection.replace_video_track(broadcast.video_track())
            await asyncio.gather(until_seen(picture, studio.image), until_heard(sound, TONE_HZ))


async def test_a_transport_that_only_listens_sends_a_broadcast(wire: Any) -> None:
    """With its own outputs off, a transport leaves the connection's tracks to the program."""
    studio = Studio(wire)
    async with studio.live() as broadcast, wire.linked(**LISTENING) as (browser, connection):
        transport = SmallWebRTCTransport(connection, TransportParams(video_in_enabled=True))
        connection.replace_video_track(broadcast.video_track())
        transport.input()
        await until_seen(browser.tracks[1], studio.image)
        assert await transport.output().send_message({"seen": True})


async def test_a_receiver_that_needs_a_keyframe_gets_one(wire: Any) -> None:
    """What a receiver asks for by RTCP (PLI) is made by the one encoder, for everybody."""
    studio, browser = Studio(wire), wire.Browser(**LISTENING)
    receiver = browser.pc.getTransceivers()[1].receiver
    browser.pc.on("track", lambda track: track.kind == "video" and _aiortc.release_at_marker(receiver))
    connection = SmallWebRTCConnection([], loopback=True)
    try:
        async with studio.live() as broadcast:
            await wire.link(browser, connection)
            connection.replace_video_track(broadcast.video_track())
            await until_seen(browser.tracks[1], studio.image)
            before = broadcast.stats()["video"]["keyframes"]
            async with asyncio.timeout(PATIENCE_S):
                while broadcast.stats()["video"]["keyframes"] == before:
                    await _aiortc.request_keyframe(receiver)
                    await browser.tracks[1].recv()
    finally:
        await browser.close()
        await connection.disconnect()


async def test_bots_on_loops_of_their_own_share_one_broadcast(wire: Any) -> None:
    """Two bots, each on its thread, send one source; one that blocks its loop is left behind, the other goes on."""
    studio, blocked, free = Studio(wire), threading.Event(), threading.Event()

    async def bot(runner_args: RunnerArguments) -> None:
        connection, left = runner_args.webrtc_connection, asyncio.Event()
        connection.call_when_closed(lambda _: left.set())
        connection.replace_video_track(studio.broadcast.video_track())
        connection.event_handler("app-message")(lambda _, message: (blocked.set(), free.wait(PATIENCE_S)))
        await connection.connect()
        await left.wait()

    browsers = [wire.Browser(**LISTENING) for _ in range(2)]
    async with studio.live() as broadcast:
        host = BotHost(bot, HostOptions(connection_options={"loopback": True}), print)
        try:
            for browser in browsers:
                await browser.accept(await host.offer({"sdp": await browser.offer(), "type": "offer"}))
                await browser.opened()
            await asyncio.gather(*(until_seen(browser.tracks[1], studio.image) for browser in browsers))
            browsers[0].channel.send('"stand still"')
            await wire.until(blocked.is_set)
            async with asyncio.timeout(PATIENCE_S):
                while not broadcast.stats()["video"]["dropped"]:
                    await browsers[1].tracks[1].recv()
            free.set()
            studio.image = np.ascontiguousarray(studio.image[::-1, ::-1])
            await asyncio.gather(*(until_seen(browser.tracks[1], studio.image) for browser in browsers))
        finally:
            free.set()
            for browser in browsers:
                await browser.close()
            await host.close()


async def test_a_client_that_wants_another_codec_has_an_encoder_more(wire: Any) -> None:
    """One client takes H.264 only, another VP8: both see the picture, from two encoders."""
    studio = Studio(wire)
    h264 = [c for c in RTCRtpSender.getCapabilities("video").codecs if c.mimeType == "video/H264"]
    apple, connection = wire.Browser(**LISTENING), SmallWebRTCConnection([], loopback=True)
    apple.pc.getTransceivers()[1].setCodecPreferences(h264)
    try:
        async with studio.live() as broadcast, wire.linked(**LISTENING) as (browser, other):
            await wire.link(apple, connection)
            for one in (connection, other):
                one.replace_video_track(broadcast.video_track())
            await asyncio.gather(*(until_seen(one.tracks[1], studio.image) for one in (apple, browser)))
            assert broadcast.stats()["video"]["encoders"] == 2
    finally:
        await apple.close()
        await connection.disconnect()
