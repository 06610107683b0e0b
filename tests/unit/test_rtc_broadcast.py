"""A broadcast and its tracks, read on several loops: encoded once, and each reader's troubles are its own."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import av
import numpy as np
import pytest
from aiortc.mediastreams import MediaStreamError

from smallrtc_lab.errors import ClosedError
from smallrtc_lab.frames import AudioClip, VideoFrame
from smallrtc_lab.rtc.broadcast import Broadcast, BroadcastTrack
from smallrtc_lab.rtc.outgoing import VIDEO_TIME_BASE
from smallrtc_lab.rtc.picturelane import QUEUE_PICTURES

PICTURE = np.full((120, 160, 3), (200, 60, 30), np.uint8)


@pytest.fixture
def broadcast():
    broadcast = Broadcast(bitrate_bps=300_000)
    yield broadcast
    broadcast.close()


def watch(broadcast: Broadcast, codec: str | None = "VP8", **options: Any) -> BroadcastTrack:
    track = broadcast.video_track(**options)
    track.use_codec(codec)
    return track


class Showing:
    """Puts a picture whenever the last was encoded, or sound every 20 ms, until the end of the block."""

    def __init__(self, put: Callable[[], None], interval_s: float = 0.02) -> None:
        self.put, self.interval_s = put, interval_s

    async def __aenter__(self) -> None:
        self.task = asyncio.create_task(self.run())

    async def __aexit__(self, *error: object) -> None:
        self.task.cancel()
        await asyncio.wait({self.task})

    async def run(self) -> None:
        while True:
            self.put()
            await asyncio.sleep(self.interval_s)


async def read(track: BroadcastTrack, count: int = 5) -> list[Any]:
    async with asyncio.timeout(60):
        return [await track.recv() for _ in range(count)]


def decoded(packets: list[Any]) -> np.ndarray:
    decoder = av.CodecContext.create("libvpx", "r")
    return [picture for packet in packets for picture in decoder.decode(packet)][-1].to_ndarray(
        format="rgb24"
    )


async def test_many_tracks_get_the_same_packets_from_one_encoder(broadcast):
    """Three readers, one of them on another loop: each begins with a keyframe and can decode what it got."""
    results: list[list[Any]] = []
    async with Showing(lambda: broadcast.put_picture(PICTURE)):
        thread = threading.Thread(target=lambda: results.append(asyncio.run(read(watch(broadcast), 10))))
        thread.start()
        results += await asyncio.gather(*(read(watch(broadcast), 10) for _ in range(2)))
        await asyncio.to_thread(thread.join, 90)
        assert broadcast.stats()["video"]["tracks"] == 3
    assert len(results) == 3
    for packets in results:
        assert packets[0].is_keyframe
        assert np.abs(decoded(packets)[60, 80].astype(int) - PICTURE[0, 0]).max() < 20
    stats = broadcast.stats()["video"]
    assert stats["encoded"] <= stats["put"] + stats["keyframes"]  # a picture may be shown again for who joins
    assert stats["keyframes"] <= 3


async def test_nothing_is_encoded_for_nobody(broadcast):
    """Without a reader pictures cost nothing; the last one is there for the first who comes, as a keyframe."""
    broadcast.put_picture(PICTURE)
    track = watch(broadcast)
    assert broadcast.stats()["video"]["encoded"] == 0
    (packet,) = await read(track, 1)
    assert packet.is_keyframe
    assert broadcast.stats()["video"]["put"] == 1
    track.stop()
    assert broadcast.stats()["video"] | {"encoders": 0, "tracks": 0} == broadcast.stats()["video"]


async def test_keyframes_are_for_all_and_not_too_many(broadcast):
    """A hundred requests in a row are answered by one keyframe, which every reader gets."""
    track, other = watch(broadcast), watch(broadcast)
    async with Showing(lambda: broadcast.put_picture(PICTURE)):
        await asyncio.gather(read(track, 3), read(other, 3))
        before = broadcast.stats()["video"]["keyframes"]
        now = time.monotonic() / VIDEO_TIME_BASE
        for _ in range(100):
            track.request_keyframe()

        async def until_keyframe(track: BroadcastTrack) -> None:
            packet = (await read(track, 1))[0]
            while not (packet.is_keyframe and packet.pts >= now):
                packet = (await read(track, 1))[0]

        await asyncio.wait_for(asyncio.gather(until_keyframe(track), until_keyframe(other)), 60)
        assert broadcast.stats()["video"]["keyframes"] <= before + 2


async def test_a_slow_reader_is_left_behind_alone(broadcast):
    """Its packets are dropped and counted, the others get every one; back again, it goes on with a keyframe."""
    slow, quick = watch(broadcast), watch(broadcast)
    async with Showing(lambda: broadcast.put_picture(PICTURE), 0.01):
        await asyncio.gather(read(slow, 1), read(quick, 1))
        last = (await read(quick, 1))[0].pts
        async with asyncio.timeout(60):
            while not slow.dropped:
                (packet,) = await read(quick, 1)
                assert packet.pts > last
                last = packet.pts
        assert quick.dropped == 0
        assert slow.dropped == QUEUE_PICTURES + 1
        assert (await read(slow, 1))[0].is_keyframe


async def test_one_encoder_for_each_codec_and_size(broadcast):
    """VP8, H.264, a smaller picture and raw frames side by side: each is encoded for itself, and for nobody twice."""
    tracks = [watch(broadcast), watch(broadcast), watch(broadcast, "H264"), watch(broadcast, size=(80, 60))]
    plain = broadcast.video_track()
    async with Showing(lambda: broadcast.put_picture(PICTURE)):
        got = await asyncio.gather(*(read(track) for track in (*tracks, plain)))
        assert broadcast.stats()["video"]["encoders"] == 4
    assert decoded(got[3]).shape == (60, 80, 3)
    frame = got[4][-1]
    assert isinstance(frame, av.VideoFrame)
    assert (frame.width, frame.height) == (160, 120)
    assert frame.time_base == VIDEO_TIME_BASE
    with pytest.raises(ValueError, match="VP8 or H264"):
        watch(broadcast, "AV1")


async def test_a_picture_is_as_it_was_when_it_was_put(broadcast):
    """An array may be used again at once; a frame of PyAV's keeps its pts, whoever else sends it."""
    image = PICTURE.copy()
    broadcast.put_picture(VideoFrame(image))
    image[:] = 0
    (picture,) = await read(broadcast.video_track(), 1)
    assert np.abs(picture.to_ndarray(format="rgb24")[60, 80].astype(int) - PICTURE[0, 0]).max() < 6
    shared = av.VideoFrame.from_ndarray(PICTURE, format="rgb24").reformat(format="yuv420p")
    shared.pts, shared.time_base = 77, VIDEO_TIME_BASE
    track = watch(broadcast)
    broadcast.put_picture(shared)
    await read(track, 1)
    assert (shared.pts, shared.pict_type) == (77, 0)


async def test_odd_sizes_lose_a_line(broadcast):
    """What yuv420p cannot hold is made even."""
    broadcast.put_picture(np.zeros((121, 161), np.uint8))
    (picture,) = await read(broadcast.video_track(), 1)
    assert (picture.width, picture.height) == (160, 120)


async def test_times_follow_the_source_and_never_run_back(broadcast):
    """Pictures written 40 ms apart leave 40 ms apart, whenever they were handed over."""
    track = broadcast.video_track()
    waiting = asyncio.create_task(read(track, 1))
    await asyncio.sleep(0)
    times = []
    for number in range(5):
        broadcast.put_picture(VideoFrame(PICTURE, time_s=500 + number * 0.04))
        times.append((await waiting)[0].pts)
        waiting = asyncio.create_task(read(track, 1))
        await asyncio.sleep(0)
    assert np.abs(np.diff(times) - 3600).max() <= 1
    broadcast.put_picture(VideoFrame(PICTURE, time_s=3.0))
    assert (await waiting)[0].pts > times[-1]


async def test_sound_is_encoded_once_too(broadcast):
    """Two readers of Opus get the same packets, one that takes frames hears the same; times go on by 20 ms."""
    tone = (0.3 * np.sin(2 * np.pi * 400 * np.arange(960) / 48_000)).astype(np.float32)
    tracks = [broadcast.audio_track() for _ in range(3)]
    for track in tracks[:2]:
        track.use_codec("opus")
    tracks[2].use_codec("PCMU")
    async with Showing(lambda: broadcast.put_sound(tone)):
        one, other, frames = await asyncio.gather(*(read(track, 10) for track in tracks))
        assert broadcast.stats()["audio"]["encoders"] == 2
    both = {packet.pts: bytes(packet) for packet in one}
    assert all(both.get(packet.pts, bytes(packet)) == bytes(packet) for packet in other)
    assert {packet.pts for packet in one} & {packet.pts for packet in other}
    assert frames[-1].to_ndarray().max() > 9000
    assert frames[-1].sample_rate == 48_000


async def test_sound_that_is_put_too_fast_is_dropped_and_counted(broadcast):
    """Of ten seconds at once about one is kept."""
    broadcast.put_sound(np.zeros(160_000, np.int16), sample_rate=16_000)
    stats = broadcast.stats()["audio"]
    assert stats["put"] == pytest.approx(500, abs=2)
    assert 45 <= stats["put"] - stats["too_fast"] <= 250  # more than a second only where this takes long


async def test_a_gap_in_a_source_is_one_in_what_is_sent(broadcast):
    """Clips that come in bursts leave 20 ms apart by their own times; what the source left out is left out."""
    track = broadcast.audio_track()
    waiting = asyncio.create_task(read(track, 9))
    await asyncio.sleep(0)
    starts_s = [0.02 * n + (0.3 if n > 5 else 0.0) + (4.0 if n > 7 else 0.0) for n in range(9)]
    for number, start_s in enumerate(starts_s):
        if number == 2:
            await asyncio.sleep(0.6)  # a stall, and what came meanwhile all at once
        broadcast.put_sound(AudioClip(np.zeros((960, 1), np.float32), 48_000, start_s))
    times = [frame.pts for frame in await waiting]
    assert np.diff(times[:8]).tolist() == [960] * 5 + [960 + 14_400] + [960]
    assert 960 <= times[8] - times[7] < 48_000  # a clock that jumps far


async def test_sound_without_times_that_paused_belongs_to_now(broadcast):
    """After more than half a second without sound the next is sent with the time that passed."""
    track = broadcast.audio_track()
    waiting = asyncio.create_task(read(track, 3))
    await asyncio.sleep(0)
    for pause_s in (0.0, 0.1, 0.8):
        await asyncio.sleep(pause_s)
        broadcast.put_sound(np.zeros(960, np.int16))
    first, second, third = (frame.pts for frame in await waiting)
    assert second - first == 960
    assert third - second > 24_000


async def test_follow_sends_what_another_track_gives(broadcast):
    """A track of pictures and one of sound go on until they end."""

    class Source:
        def __init__(self, frames: list[Any]) -> None:
            self.frames = frames

        async def recv(self) -> Any:
            if not self.frames:
                raise MediaStreamError
            return self.frames.pop()

    sound = av.AudioFrame.from_ndarray(np.zeros((1, 1920), np.int16), format="s16", layout="stereo")
    sound.sample_rate = 48_000
    await broadcast.follow(Source([av.VideoFrame.from_ndarray(PICTURE, format="rgb24")]))
    await broadcast.follow(Source([sound, sound]))
    assert broadcast.stats()["video"]["put"] == 1
    assert broadcast.stats()["audio"]["put"] == 2


async def test_the_end(broadcast):
    """A closed broadcast ends its tracks and takes nothing more; its threads are gone."""
    tracks = [watch(broadcast), broadcast.audio_track()]
    waiting = [asyncio.create_task(track.recv()) for track in tracks]
    async with Showing(lambda: broadcast.put_picture(PICTURE)):
        await asyncio.wait_for(waiting[0], 60)
    broadcast.close()
    broadcast.close()
    for reader in (waiting[1], *(track.recv() for track in tracks)):
        with pytest.raises(MediaStreamError):
            await asyncio.wait_for(reader, 60)
    with pytest.raises(ClosedError):
        broadcast.put_picture(PICTURE)
    await broadcast.follow(tracks[0])
    for thread in threading.enumerate():
        if thread.name.startswith("smallrtc broadcast"):
            await asyncio.to_thread(thread.join, 60)
            assert not thread.is_alive()


async def test_what_cannot_be_sent_is_refused_where_it_was_put(broadcast):
    """A wrong array raises at once."""
    with pytest.raises((TypeError, ValueError)):
        broadcast.put_picture(PICTURE.astype(float))
    with pytest.raises(ValueError, match="channels"):
        broadcast.put_sound(np.zeros((10, 5)))
    with pytest.raises(ValueError, match="bits per second"):
        Broadcast(bitrate_bps=500)
