"""SoundWriter and PictureWriter: whatever was written, as the encoders take it."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import av
import numpy as np
import pytest
from support.knownmedia import tone_of

from smallrtc_lab.errors import ClosedError
from smallrtc_lab.frames import AudioClip, VideoFrame
from smallrtc_lab.params import TransportParams
from smallrtc_lab.rtc.writers import PictureWriter, SoundWriter

LONG_S = 60.0


def sine(hz: float, seconds: float, rate: int) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)


async def played(writer: SoundWriter, sounds: list[Any]) -> np.ndarray:
    """(n, channels) float: all that is read while ``sounds`` are written, and what follows until it is dry."""

    async def write() -> None:
        for sound in sounds:
            assert await writer.write(sound)

    writing = asyncio.create_task(write())
    pieces = []
    deadline_s = time.monotonic() + LONG_S
    while not (writing.done() and not writer.queue.waiting_s):
        assert time.monotonic() < deadline_s
        await asyncio.sleep(0)
        piece = writer.queue.take() if not writing.done() else writer.queue.finish()
        pieces += [] if piece is None else [piece]
    await writing
    return np.concatenate(pieces) / 32768


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 24_000, 44_100, 48_000])
async def test_the_length_and_pitch_of_any_rate_stay(rate: int) -> None:
    """A second of a tone at any rate, written in one piece, is a second of that tone at 48 kHz."""
    writer = SoundWriter(TransportParams(audio_out_enabled=True, audio_out_auto_silence=False))
    got = await played(writer, [AudioClip(sine(440, 1, rate).astype(np.float32)[:, None], rate)])
    assert len(got) == pytest.approx(48_000, abs=960)
    assert tone_of(got[:47_000, 0], 48_000) == pytest.approx((440, 0.5), rel=0.01)


async def test_pieces_of_odd_length_make_one_tone() -> None:
    """A tone in pieces of 333 samples at 16 kHz has no seams: what is not the tone is 60 dB below it."""
    writer = SoundWriter(TransportParams(audio_out_enabled=True, audio_out_sample_rate=16_000))
    whole = sine(500, 2, 16_000)
    got = (await played(writer, [whole[n : n + 333] for n in range(0, len(whole), 333)]))[:, 0]
    loud = got[np.flatnonzero(got)[0] :][9600:57_600]
    times_s = np.arange(len(loud)) / 48_000
    tone = np.stack([np.sin(2 * np.pi * 500 * times_s), np.cos(2 * np.pi * 500 * times_s)], axis=1)
    rest = loud - tone @ np.linalg.lstsq(tone, loud, rcond=None)[0]
    print(f"rest: {20 * np.log10(rest.std() / loud.std()):.1f} dB")
    assert rest.std() < 1e-3 * loud.std()


async def test_channels_and_volume() -> None:
    """Stereo to mono is the mean, mono to stereo two copies, volume multiplies; the rate may change in between."""
    left = np.stack([sine(440, 0.2, 48_000), np.zeros(9600)], axis=1)
    mono = SoundWriter(TransportParams(audio_out_enabled=True, audio_out_volume=0.5))
    assert np.abs(await played(mono, [left])).max() == pytest.approx(0.125, rel=0.02)
    stereo = SoundWriter(TransportParams(audio_out_enabled=True, audio_out_channels=2))
    got = await played(stereo, [sine(440, 0.2, 48_000), AudioClip(left.astype(np.float32)[::2], 24_000)])
    first = got[np.flatnonzero(got[:, 0])[0] :]
    assert np.array_equal(first[:9000, 0], first[:9000, 1])
    assert np.abs(first[10_500:, 1]).max() < 0.01 < np.abs(first[10_500:, 0]).max()


async def test_writers_take_turns_and_a_closed_one_says_so() -> None:
    """Two sounds written at once do not mix; closing lets the waiting go with False, and later ones raise."""
    writer = SoundWriter(TransportParams(audio_out_enabled=True, audio_out_auto_silence=False))
    waiting = [asyncio.create_task(writer.write(np.full(48_000, level))) for level in (0.25, 0.5)]
    await asyncio.sleep(0.05)
    assert not any(task.done() for task in waiting)
    read = writer.queue.take()
    assert read is not None
    assert set(np.unique(read)) == {8192}
    writer.close()
    assert await asyncio.gather(*waiting) == [False, False]
    with pytest.raises(ClosedError):
        await writer.write(np.zeros(1))


async def test_a_picture_is_converted_scaled_and_timed() -> None:
    """Small pictures and large ones, which a thread converts, come out in one size, as far apart as their times say."""
    params = TransportParams(
        video_out_enabled=True, video_out_is_live=True, video_out_width=64, video_out_height=48
    )
    writer = PictureWriter(params)
    pts = []
    for n, height in enumerate((48, 960)):
        picture = np.full((height, height * 4 // 3, 3), (200, 100, 50), np.uint8)
        assert await writer.write(VideoFrame(picture, time_s=7.0 + n * 0.25))
        frame = await asyncio.wait_for(writer.track.recv(), LONG_S)
        pts.append(frame.pts)
        assert (frame.width, frame.height, frame.format.name) == (64, 48, "yuv420p")
        assert np.abs(frame.to_ndarray(format="rgb24")[24, 32].astype(int) - (200, 100, 50)).max() < 4
    assert pts[1] - pts[0] == pytest.approx(0.25 * 90_000, abs=2)
    passed = av.VideoFrame(64, 48, "yuv420p")
    assert await writer.write(passed)
    assert await writer.track.recv() is passed


async def test_times_far_from_the_present_begin_anew() -> None:
    """A frame of another story is shown now, not an hour later."""
    writer = PictureWriter(TransportParams(video_out_enabled=True, video_out_is_live=True))
    picture = np.zeros((16, 16), np.uint8)
    assert await writer.write(VideoFrame(picture, time_s=0.0, format="gray"))
    before = (await writer.track.recv()).pts
    assert await writer.write(VideoFrame(picture, time_s=3600.0, format="gray"))
    assert 0 < (await writer.track.recv()).pts - before < LONG_S * 90_000


async def test_who_waits_for_a_turn_is_let_go() -> None:
    """A writer that waits for its turn returns False when the connection closes; later ones raise."""
    writer = PictureWriter(TransportParams(video_out_enabled=True, video_out_framerate=0.1))
    picture = np.zeros((16, 16), np.uint8)
    assert await writer.write(picture)
    waiting = asyncio.create_task(writer.write(picture))
    await asyncio.sleep(0.01)
    writer.close()
    assert await asyncio.wait_for(waiting, 5) is False
    with pytest.raises(ClosedError):
        await writer.write(picture)
