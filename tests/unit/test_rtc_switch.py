"""SwitchedTrack: sources come, go, end and fail behind a sender that never notices."""

from __future__ import annotations

import asyncio
from fractions import Fraction
from itertools import pairwise

import av
import numpy as np
import pytest
from aiortc import MediaStreamTrack
from aiortc.codecs.opus import OpusEncoder
from aiortc.mediastreams import MediaStreamError

from smallrtc_lab.rtc.outgoing import OutputVideoTrack
from smallrtc_lab.rtc.switch import SwitchedTrack


class Pictures(MediaStreamTrack):
    """A foreign source with a clock of its own that begins at 0 and counts milliseconds."""

    kind = "video"

    def __init__(self, count: int = 1000, error: Exception | None = None) -> None:
        super().__init__()
        self.left, self.error, self.shown = count, error, 0

    async def recv(self) -> av.VideoFrame:
        await asyncio.sleep(0.005)
        if not self.left:
            raise self.error or MediaStreamError
        self.left -= 1
        frame = av.VideoFrame(16, 16, "yuv420p")
        frame.pts, frame.time_base = self.shown * 33, Fraction(1, 1000)
        self.shown += 1
        return frame


class Sound(MediaStreamTrack):
    """20 ms of a constant, in any rate and layout."""

    kind = "audio"

    def __init__(self, rate: int, layout: str, value: int = 1000) -> None:
        super().__init__()
        self.rate, self.layout, self.value, self.position = rate, layout, value, 0

    async def recv(self) -> av.AudioFrame:
        n, channels = self.rate // 50, 1 if self.layout == "mono" else 2
        frame = av.AudioFrame.from_ndarray(
            np.full((1, n * channels), self.value, np.int16), "s16", self.layout
        )
        frame.sample_rate, frame.pts, frame.time_base = self.rate, self.position, Fraction(1, self.rate)
        self.position += n
        return frame


async def test_pts_grow_across_replaced_sources():
    """A new source that begins at 0 continues where the old one stopped."""
    switch, seen = SwitchedTrack("video"), []
    for _ in range(3):
        switch.replace(Pictures())
        seen += [(await switch.recv()).pts for _ in range(3)]
    assert seen == sorted(set(seen))
    assert [b - a for a, b in pairwise(seen[3:6])] == [2970, 2970]


async def test_replacing_reaches_a_sender_that_waits_for_a_silent_source():
    """A sender stuck in a source with nothing to send gets the frames of the one that takes its place."""
    switch = SwitchedTrack("video")
    switch.replace(OutputVideoTrack())
    waiting = asyncio.ensure_future(switch.recv())
    await asyncio.sleep(0.02)
    assert not waiting.done()
    switch.replace(Pictures())
    assert isinstance(await asyncio.wait_for(waiting, 30), av.VideoFrame)


@pytest.mark.parametrize("error", [None, ValueError("broken source")])
async def test_a_source_that_ends_or_fails_is_taken_out(error, caplog):
    """The sender waits for the next source; a failure is logged with its traceback."""
    switch = SwitchedTrack("video")
    switch.replace(Pictures(1, error))
    await switch.recv()
    waiting = asyncio.ensure_future(switch.recv())
    await asyncio.sleep(0.05)
    assert not waiting.done()
    assert switch.source is None
    assert ("broken source" in caplog.text) is (error is not None)
    switch.replace(Pictures())
    assert (await asyncio.wait_for(waiting, 30)).pts > 0


@pytest.mark.parametrize(
    ("rate", "layout"), [(48000, "stereo"), (48000, "mono"), (16000, "mono"), (44100, "stereo")]
)
async def test_sound_always_leaves_as_48_khz_stereo_at_full_level(rate, layout):
    """Whatever a source gives is resampled, and one channel becomes two without losing level."""
    switch = SwitchedTrack("audio")
    switch.replace(Sound(rate, layout))
    frames = [await switch.recv() for _ in range(20)]
    assert {(f.sample_rate, f.layout.name, f.format.name) for f in frames} == {(48000, "stereo", "s16")}
    last = frames[-1].to_ndarray()
    assert np.abs(last.astype(int) - 1000).max() <= 2
    pts = [f.pts for f in frames]
    assert pts == sorted(set(pts))


async def test_sources_of_different_rates_may_follow_each_other():
    """An 8 kHz source after a 48 kHz one neither fails nor turns pts back."""
    switch, seen = SwitchedTrack("audio"), []
    for rate, layout in ((48000, "stereo"), (8000, "mono"), (48000, "stereo")):
        switch.replace(Sound(rate, layout))
        seen += [(await switch.recv()).pts for _ in range(5)]
    assert seen == sorted(set(seen))


async def test_a_track_of_the_other_kind_is_refused():
    """Sound cannot be sent where a picture is expected."""
    with pytest.raises(ValueError, match="audio track cannot be sent where video"):
        SwitchedTrack("video").replace(Sound(48000, "mono"))


async def test_stopping_ends_the_sender_and_leaves_the_source():
    """stop() ends a waiting recv(); the source may be used behind another switch."""
    switch, source = SwitchedTrack("video"), OutputVideoTrack()
    switch.replace(source)
    waiting = asyncio.ensure_future(switch.recv())
    await asyncio.sleep(0.01)
    switch.stop()
    with pytest.raises(MediaStreamError):
        await asyncio.wait_for(waiting, 30)
    assert source.readyState == "live"


class Packets(MediaStreamTrack):
    """An encoded source that says what it was asked."""

    def __init__(self, kind: str, step: int) -> None:
        super().__init__()
        self.kind, self.step, self.count = kind, step, 0
        self.asked: list[str | None] = []

    def use_codec(self, name: str | None) -> None:
        self.asked.append(name)

    def request_keyframe(self) -> None:
        self.asked.append("keyframe")

    async def recv(self) -> av.Packet:
        packet = av.Packet(b"packet")
        packet.pts = self.count * self.step
        packet.time_base = Fraction(1, 90_000 if self.kind == "video" else 48_000)
        self.count += 1
        return packet


async def test_an_encoded_source_is_told_the_codec_and_of_requests():
    """It knows what it is sent as before it is read, and hears the receiver; other sources are left alone."""
    switch, source = SwitchedTrack("video"), Packets("video", 3000)
    switch.use_codec("H264")
    switch.keyframe_asked()
    switch.replace(source)
    switch.keyframe_asked()
    assert source.asked == ["H264", "keyframe"]
    switch.replace(Pictures())
    switch.keyframe_asked()
    assert source.asked == ["H264", "keyframe"]


async def test_pictures_that_follow_packets_begin_with_a_keyframe():
    """The sender's own encoder is renewed once, for its last picture is not the receiver's; pts go on growing."""
    switch, renewed = SwitchedTrack("video"), []
    switch.renew = lambda: renewed.append(True)
    seen = []
    for source in (Pictures(), Packets("video", 3000), Pictures()):
        switch.replace(source)
        seen += [await switch.recv() for _ in range(3)]
        assert len(renewed) == (len(seen) == 9)
    assert [isinstance(one, av.Packet) for one in seen] == [False] * 3 + [True] * 3 + [False] * 3
    assert all(b.pts > a.pts for a, b in pairwise(seen))


@pytest.mark.parametrize("order", ["packets first", "frames first"])
async def test_packets_and_frames_of_sound_have_one_line_of_timestamps(order):
    """What aiortc's sender makes of them grows by the samples sent, whichever came first.

    The first packet that its encoder makes after a pause still has the time from before the pause.
    """
    switch, encoder, timestamps = SwitchedTrack("audio"), OpusEncoder(), []
    sources = [Packets("audio", 960), Sound(48_000, "stereo"), Packets("audio", 960)]
    for source in sources if order == "packets first" else [*sources[1:], Sound(48_000, "stereo")]:
        switch.replace(source)
        for count in range(5):
            piece = await switch.recv()
            packed = encoder.pack(piece) if isinstance(piece, av.Packet) else encoder.encode(piece)
            assert packed[0]
            if count or not timestamps:
                timestamps.append(packed[1])
    assert timestamps[0] == 0
    steps = [b - a for a, b in pairwise(timestamps)]
    assert [steps[at] for at in (0, 1, 2, 3, 5, 6, 7, 9, 10, 11)] == [960] * 10
    assert all(960 < steps[at] < 48_000 for at in (4, 8))
