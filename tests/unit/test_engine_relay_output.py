"""What Python sends over a relay: within the path, keyframes when asked, and an end that leaves nothing."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import av
import numpy as np
import pytest_asyncio
from support.waiting import until

from smallrtc_lab.engine.relaying.output import RelayPictures, RelaySound
from smallrtc_lab.media.convert import from_picture
from smallrtc_lab.relay.bitrate import MOST_BPS
from smallrtc_lab.relay.codecs import PictureDecoder
from smallrtc_lab.relay.packets import Codec, Media, Report, Stream
from smallrtc_lab.rtc.tracks import OutputAudioTrack, OutputVideoTrack

PICTURE = np.random.default_rng(2).integers(0, 255, (120, 160, 3), dtype=np.uint8)


class Sink:
    """Takes packets, and acknowledges those of pictures while it is told to."""

    def __init__(self, executor: ThreadPoolExecutor) -> None:
        self.sent: list[Media] = []
        self.acknowledges = True
        self.pictures = RelayPictures(self._take, executor)
        self.sound = RelaySound(self.sent.append, executor)

    def _take(self, media: Media) -> None:
        self.sent.append(media)
        if self.acknowledges:
            asyncio.get_running_loop().call_soon(self.pictures.reported, Report(media.stream, media.sequence))

    @property
    def keyframes(self) -> list[bool]:
        return [media.keyframe for media in self.sent if media.stream is Stream.CAMERA]


@pytest_asyncio.fixture
async def sink() -> AsyncIterator[Sink]:
    with ThreadPoolExecutor(2) as executor:
        sink = Sink(executor)
        yield sink
        for output in (sink.pictures, sink.sound):
            output.stop()
            await output.ended()
    assert not [task for task in asyncio.all_tasks() if "relay-send" in task.get_name()]


async def show(track: OutputVideoTrack, sink: Sink, count: int) -> None:
    """One picture after the other, each when the last one was sent or refused."""
    for _ in range(count):
        done = sink.pictures.sent + sink.pictures.unsent
        track.put(from_picture(PICTURE, "rgb"), asyncio.get_running_loop().time())
        await until(lambda done=done: sink.pictures.sent + sink.pictures.unsent > done)  # type: ignore[misc]


async def test_the_first_picture_is_a_keyframe_and_another_one_comes_when_asked(sink: Sink) -> None:
    """Not twice within a second, however often it is asked for."""
    track = OutputVideoTrack()
    sink.pictures.track.replace(track)
    await show(track, sink, 5)
    assert sink.keyframes == [True, False, False, False, False]
    await asyncio.sleep(1.0)
    for _ in range(3):
        sink.pictures.reported(Report(Stream.CAMERA, 0, keyframe=True))
    await show(track, sink, 3)
    assert sink.keyframes[5:] == [True, False, False]
    pts = [media.pts for media in sink.sent]
    assert pts == sorted(set(pts))


async def test_without_acknowledgements_pictures_are_dropped_before_they_are_encoded(sink: Sink) -> None:
    """Three and what a quarter of a second holds go out; with the next acknowledgement it goes on."""
    sink.acknowledges = False
    track = OutputVideoTrack()
    sink.pictures.track.replace(track)
    await show(track, sink, 3)
    await asyncio.sleep(0.4)
    await show(track, sink, 5)
    assert sink.pictures.sent == 3
    assert sink.pictures.unsent == 5
    sink.pictures.reported(Report(Stream.CAMERA, 3))
    await show(track, sink, 1)
    assert sink.pictures.sent == 4


async def test_a_lower_limit_is_a_smaller_bitrate_at_once(sink: Sink) -> None:
    """Whoever sheds load says so; nothing raises it beyond what a relay may have."""
    assert 0 < sink.pictures.bitrate_bps < MOST_BPS
    sink.pictures.use_bitrate(None, 200_000)
    assert sink.pictures.bitrate_bps == 200_000
    sink.pictures.use_bitrate(None, None)
    assert sink.pictures.bitrate_bps == 200_000  # it climbs by itself, as acknowledgements allow


async def test_nothing_is_encoded_while_nobody_looks_and_then_what_came_last(sink: Sink) -> None:
    """Also when it is a still picture, of which no other one follows."""
    track = OutputVideoTrack()
    sink.pictures.track.replace(track)
    await show(track, sink, 2)
    sink.pictures.show(False)
    for time_s in (1.0, 2.0, 3.0):
        track.put(from_picture(PICTURE, "rgb"), asyncio.get_running_loop().time() + time_s)
        await asyncio.sleep(0.05)
    assert (sink.pictures.sent, sink.pictures.unsent) == (2, 0)
    sink.pictures.show(True)
    await until(lambda: sink.pictures.sent == 3)
    assert sink.keyframes == [True, False, False]  # no picture was left out between those that were encoded
    assert sink.sent[2].pts - sink.sent[1].pts > 2.5 * 90_000


async def test_smaller_and_fewer_pictures_when_asked(sink: Sink) -> None:
    """A new size is a keyframe; what is not due is no refusal of the path's."""
    track = OutputVideoTrack()
    sink.pictures.track.replace(track)
    await show(track, sink, 2)
    sink.pictures.ask(0.5, None)
    await show(track, sink, 1)
    decoder = PictureDecoder()
    frames = [decoder.decode(media) for media in sink.sent]
    assert [(frame.width, frame.height) for frame in frames if frame] == [(160, 120), (160, 120), (80, 60)]
    assert sink.keyframes == [True, False, True]
    sink.pictures.ask(0.5, 0.01)
    await show(track, sink, 1)
    for _ in range(5):
        track.put(from_picture(PICTURE, "rgb"), asyncio.get_running_loop().time())
        await asyncio.sleep(0.05)
    assert (sink.pictures.sent, sink.pictures.unsent) == (4, 0)


async def test_photographs_keep_within_the_bitrate() -> None:
    """A JPEG of so many bytes is the last one for as long as they take."""
    with ThreadPoolExecutor(1) as executor:
        sent: list[Media] = []
        pictures = RelayPictures(sent.append, executor, codec=Codec.JPEG)
        pictures.use_bitrate(None, 400_000)
        track = OutputVideoTrack()
        pictures.track.replace(track)
        begun_s = asyncio.get_running_loop().time()
        while len(sent) < 4:
            track.put(from_picture(PICTURE, "rgb"), asyncio.get_running_loop().time())
            if sent:
                pictures.reported(Report(Stream.CAMERA, sent[-1].sequence))
            await asyncio.sleep(0.01)
        took_s = asyncio.get_running_loop().time() - begun_s
        assert 8 * sum(len(media.content) for media in sent[:-1]) <= 1.1 * 400_000 * took_s
        pictures.stop()
        await pictures.ended()


async def test_sound_goes_out_as_it_comes(sink: Sink) -> None:
    """20 ms a packet; for a second without acknowledgements, then it is left out, too."""

    class Source:
        def read(self, n_samples: int, /) -> np.ndarray:
            return np.zeros((n_samples, 2), np.int16)

    sink.sound.track.replace(OutputAudioTrack(Source()))
    await until(lambda: sink.sound.sent >= 5)
    packets = [media for media in sink.sent if media.stream is Stream.AUDIO]
    assert {media.codec for media in packets} == {Codec.OPUS}
    steps = [b.pts - a.pts for a, b in itertools.pairwise(packets)]
    assert all(step > 0 and step % 960 == 0 for step in steps)  # what a stall has cost is left out whole
    await until(lambda: sink.sound.unsent > 0)
    assert sink.sound.sent >= 50


async def test_a_picture_of_another_format_is_converted(sink: Sink) -> None:
    """As a program's own track may give them."""
    frame = av.VideoFrame.from_ndarray(PICTURE, format="rgb24")
    frame.pts, frame.time_base = 0, Fraction(1, 90_000)
    track = OutputVideoTrack()
    sink.pictures.track.replace(track)
    track.put(frame, 0.0)
    await until(lambda: sink.pictures.sent == 1)
    assert sink.sent[0].codec is Codec.VP8
