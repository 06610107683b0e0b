"""PictureSource and SoundSource: session times, gaps and restarts, for several readers."""

from __future__ import annotations

import asyncio
import gc
import time
from fractions import Fraction

import av
import numpy as np
import pytest

from smallrtc_lab.errors import StreamTimeout
from smallrtc_lab.frames import AudioClip
from smallrtc_lab.media.clock import SessionClock
from smallrtc_lab.rtc.pump import Arrived
from smallrtc_lab.rtc.reading import AudioStream, MessageStream, VideoStream
from smallrtc_lab.rtc.sources import PictureSource, SoundSource

ORIGIN_S = 1000.0  # of the session, on the monotonic clock


def sound(pts: int | None, *, rate: int = 48_000, level: int = 1000) -> av.AudioFrame:
    samples = np.full((1, rate // 50), level, np.int16)
    frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = rate, pts, Fraction(1, rate)
    return frame


def picture(pts: int, size: tuple[int, int] = (32, 16)) -> av.VideoFrame:
    frame = av.VideoFrame(*size, "yuv420p")
    frame.pts, frame.time_base = pts, Fraction(1, 90_000)
    return frame


def listening(**options: object) -> tuple[SoundSource, AudioStream]:
    source = SoundSource("microphone", lambda: None, SessionClock(ORIGIN_S))
    settings = {"block_ms": 20, "bound_s": 5.0, "timeout_s": None} | options
    stream = AudioStream(48_000, 1, **settings)  # type: ignore[arg-type]
    source.streams.add(stream)
    source.begin()
    return source, stream


async def clips_of(stream: AudioStream, count: int) -> list[AudioClip]:
    return [await asyncio.wait_for(anext(stream), 10) for _ in range(count)]


async def test_lost_sound_is_a_marked_gap() -> None:
    """Twenty milliseconds that never came are silence, marked in the clip they belong to; times go on evenly."""
    source, stream = listening()
    for n in (0, 1, 3, 4):
        source.accept(Arrived(sound(n * 960), ORIGIN_S + 5 + n / 50))
    clips = await clips_of(stream, 5)
    assert [clip.start_s for clip in clips] == pytest.approx([4.98 + n / 50 for n in range(5)], abs=1e-3)
    assert not clips[2].samples.any()
    assert [len(clip.gaps) for clip in clips] == [0, 0, 1, 0, 0]
    assert (clips[2].gaps[0].start_s, clips[2].gaps[0].duration_s) == pytest.approx((clips[2].start_s, 0.02))
    assert clips[3].samples[0, 0] == pytest.approx(1000 / 32768)


async def test_a_restart_goes_on_in_time() -> None:
    """Another track, whose pts and rate are others, goes on later on the same clock."""
    source, stream = listening()
    source.accept(Arrived(sound(50_000), ORIGIN_S + 1))
    source.begin()
    source.accept(Arrived(sound(7, rate=16_000), ORIGIN_S + 4))
    source.accept(Arrived(sound(327, rate=16_000), ORIGIN_S + 4.02))
    first, second = await clips_of(stream, 2)
    assert (first.start_s, second.start_s) == pytest.approx((0.98, 3.98), abs=1e-3)


async def test_frames_without_pts_follow_each_other() -> None:
    """Where a track counts nothing its sound is gapless from its first arrival."""
    source, stream = listening()
    for n in range(3):
        source.accept(Arrived(sound(None), ORIGIN_S + 2 + n / 50))
    clips = await clips_of(stream, 3)
    assert [bool(clip.gaps) for clip in clips] == [False] * 3
    assert [clip.start_s for clip in clips] == pytest.approx([1.98, 2.0, 2.02], abs=1e-2)


async def test_a_slow_reader_knows_what_it_lost() -> None:
    """Beyond the bound the oldest blocks are dropped and counted; the next clip begins with a gap of their length."""
    source, stream = listening(bound_s=0.1)
    for n in range(12):
        source.accept(Arrived(sound(n * 960), ORIGIN_S + 1 + n / 50))
    clip, after = await clips_of(stream, 2)
    assert stream.dropped == 7
    assert clip.gaps[0].duration_s == pytest.approx(0.14)
    assert clip.gaps[0].start_s + clip.gaps[0].duration_s == pytest.approx(clip.start_s)
    assert not after.gaps


async def test_what_stands_in_the_queue_is_dropped_once() -> None:
    """A reader just as fast as the sound loses what it was behind by for a whole second, once, in a marked gap."""
    source, stream = listening()
    gaps = []
    for n in range(160):
        source.accept(Arrived(sound(n * 960), ORIGIN_S + 1 + n / 50))
        if n >= 10:
            clip = await anext(stream)
            gaps += [(n, gap.duration_s) for gap in clip.gaps]
    print(gaps)
    assert [round(duration_s, 3) for _, duration_s in gaps] == [0.2]
    assert stream.dropped == 10
    assert 95 <= gaps[0][0] - 10 <= 105


async def test_readers_have_arrays_of_their_own() -> None:
    """Two readers of one picture get two writable arrays, each in its own format, the newest picture only."""
    source = PictureSource("camera", lambda: None, SessionClock(ORIGIN_S))
    colour, gray = VideoStream("camera", "rgb", None, 10.0), VideoStream("camera", "gray", None, 10.0)
    source.streams.update((colour, gray))
    source.begin()
    for n in range(3):
        source.accept(Arrived(picture(n * 3000), ORIGIN_S + 1 + n / 30))
    one, two = await anext(colour), await anext(gray)
    assert (one.image.shape, two.image.shape) == ((16, 32, 3), (16, 32))
    assert one.image.flags.writeable
    assert (one.sequence, one.source, colour.dropped) == (2, "camera", 2)
    assert one.time_s == pytest.approx(1 + 2 / 30)


async def test_who_has_left_its_loop_gets_nothing() -> None:
    """A reader nobody holds is forgotten by its source, without being closed."""
    source, stream = listening()
    assert len(source.streams) == 1
    del stream
    gc.collect()
    assert len(source.streams) == 0


async def test_large_pictures_are_converted_beside_the_loop() -> None:
    """Converting a large picture holds up nothing, and a reader cancelled meanwhile can go on reading."""
    stream = VideoStream("screen", "rgb", None, 30.0)
    source = PictureSource("screen", lambda: None, SessionClock(ORIGIN_S))
    source.streams.add(stream)
    source.begin()
    source.accept(Arrived(picture(0, (1920, 1080)), ORIGIN_S + 1))
    reading = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    reading.cancel()
    await asyncio.wait({reading})
    source.accept(Arrived(picture(3000, (1920, 1080)), ORIGIN_S + 1.1))
    assert (await anext(stream)).image.shape == (1080, 1920, 3)


async def test_silence_of_a_source_can_have_a_bound() -> None:
    """With timeout_s a reader that gets nothing raises StreamTimeout, and can go on."""
    source, stream = listening(timeout_s=0.02)
    with pytest.raises(StreamTimeout, match=r"no sound came for 0\.02 s"):
        await anext(stream)
    source.accept(Arrived(sound(0), time.monotonic()))
    assert len(await anext(stream)) == 960


async def test_messages_are_read_to_the_last() -> None:
    """What came before the end is read after it, None among it; sound that waited is dropped, for nobody is there."""
    messages = MessageStream(10.0)
    for message in (1, None, {"a": 2}):
        messages.offer(message)
    messages.end("the client has left")
    assert [message async for message in messages] == [1, None, {"a": 2}]
    source, stream = listening()
    source.accept(Arrived(sound(0), ORIGIN_S + 1))
    stream.end("the client has left")
    assert [clip async for clip in stream] == []
    assert (stream.dropped, stream.end_reason) == (1, "the client has left")


async def test_a_reader_can_close_itself_while_another_waits() -> None:
    """close() ends the loop of whoever waits in it."""
    messages = MessageStream(None)
    waiting = asyncio.create_task(anext(messages))
    await asyncio.sleep(0)
    messages.close()
    with pytest.raises(StopAsyncIteration):
        await waiting
