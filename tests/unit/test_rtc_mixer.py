"""The mixer as a program uses it: voices come and go, each hears the others, on whatever loop it lives."""

from __future__ import annotations

import asyncio
import threading
import time
from fractions import Fraction

import av
import numpy as np
import pytest
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

from smallrtc_lab.errors import ClosedError
from smallrtc_lab.frames import AudioClip
from smallrtc_lab.rtc.mixer import AudioMixer

RATE = 48_000


class Tone(MediaStreamTrack):
    """A sine in frames of 20 ms, at their pace; ends after ``frames``."""

    kind = "audio"

    def __init__(self, hz: float, amplitude: float = 0.3, frames: int = 10_000) -> None:
        super().__init__()
        self.hz, self.amplitude, self.left = hz, amplitude, frames
        self.at = 0
        self.begin_s = time.monotonic()

    async def recv(self) -> av.AudioFrame:
        if not self.left:
            raise MediaStreamError
        self.left -= 1
        await asyncio.sleep(max(0.0, self.begin_s + self.at / RATE - time.monotonic()))
        times_s = (self.at + np.arange(960)) / RATE
        samples = (32_767 * self.amplitude * np.sin(2 * np.pi * self.hz * times_s)).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(np.repeat(samples, 2)[None, :], format="s16", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = RATE, self.at, Fraction(1, RATE)
        self.at += 960
        return frame


async def heard(track: MediaStreamTrack, frames: int = 25) -> np.ndarray:
    async with asyncio.timeout(60):
        return np.concatenate([(await track.recv()).to_ndarray()[0, ::2] for _ in range(frames)]) / 32_768


def amplitude(sound: np.ndarray, hz: float) -> float:
    """Of one frequency in a piece of sound."""
    window = np.hanning(len(sound))
    wave = np.exp(-2j * np.pi * hz * np.arange(len(sound)) / RATE)
    return float(2 * abs(np.dot(sound * window, wave)) / window.sum())


async def until_heard(track: MediaStreamTrack, *tones_hz: float) -> np.ndarray:
    """Listen until all of these tones are there, and return that half second."""
    async with asyncio.timeout(60):
        while True:
            sound = await heard(track)
            if all(amplitude(sound, hz) > 0.2 for hz in tones_hz):
                return sound


@pytest.fixture
async def mixer():
    mixer = AudioMixer()
    yield mixer
    mixer.close()


async def test_each_hears_the_others_and_not_itself(mixer):
    """Of three tones each voice hears two; who only listens hears all; one leaves, and the rest go on."""
    voices = {hz: mixer.join(f"{hz} Hz") for hz in (440, 700, 1000)}
    following = [asyncio.create_task(voice.follow(Tone(hz))) for hz, voice in voices.items()]
    sound = await until_heard(voices[440].others(), 700, 1000)
    assert amplitude(sound, 440) < 0.001
    await until_heard(mixer.track(), 440, 700, 1000)
    assert [voice.name for voice in mixer.voices] == ["440 Hz", "700 Hz", "1000 Hz"]
    voices[700].leave()
    track = voices[440].others()
    async with asyncio.timeout(60):
        while amplitude(sound, 700) > 0.001:
            sound = await heard(track)
    await until_heard(track, 1000)
    assert mixer.stats()["voices"] == 2
    async with asyncio.timeout(60):
        await following[1]
    for task in following:
        task.cancel()


async def test_listeners_on_other_threads_share_one_sum(mixer):
    """Two loops in two threads hear the same, and each block was added up once."""
    voice = mixer.join()
    following = asyncio.create_task(voice.follow(Tone(440)))
    results: list[np.ndarray] = []
    threads = [
        threading.Thread(target=lambda: results.append(asyncio.run(until_heard(mixer.track(), 440))))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    await asyncio.to_thread(lambda: [thread.join(90) for thread in threads])
    assert len(results) == 2
    assert mixer.stats()["blocks_mixed"] <= mixer.blocks_passed() + 1
    following.cancel()


async def test_the_sum_is_never_above_full_scale(mixer):
    """Three loud voices in phase come out turned down, without clipping, and that is counted."""
    voices = [mixer.join() for _ in range(3)]
    loud = AudioClip(
        np.repeat(0.9 * np.sin(2 * np.pi * 440 * np.arange(4800) / RATE), 2).reshape(-1, 2), RATE
    )
    track = mixer.track()
    await track.recv()
    for voice in voices:
        voice.put(loud)
    sound = await heard(track, 12)
    assert 0.9 < np.abs(sound).max() < 0.99
    assert track.limited > 0


async def test_any_sound_may_be_put(mixer):
    """Mono at 16 kHz is resampled; what is more than the bound is dropped, and counted."""
    voice, track = mixer.join("robot"), mixer.track()
    await track.recv()
    sound = np.zeros(1)
    async with asyncio.timeout(60):
        while amplitude(sound, 440) < 0.2:
            voice.put(0.5 * np.sin(2 * np.pi * 440 * np.arange(3200) / 16_000), sample_rate=16_000)
            sound = await heard(track, 12)
    voice.put(np.zeros(RATE, np.int16))
    assert 0.7 < voice.stats()["dropped_s"] < 1.0
    assert voice.stats()["waiting_s"] <= 0.2
    assert "robot" in repr(voice)


async def test_a_stalled_listener_leaves_its_time_out(mixer):
    """After a stall the newest block comes next, its pts as far on as the time is."""
    track = mixer.track()
    first = await track.recv()
    began_s = time.monotonic()
    time.sleep(0.3)
    frame = await track.recv()
    assert track.skipped >= 12
    assert frame.pts - first.pts >= 0.2 * RATE
    assert (frame.pts - first.pts) / RATE <= time.monotonic() - began_s + 0.04


async def test_everything_has_an_end(mixer):
    """A voice that left takes nothing more, a stopped track gives nothing more, a closed mixer ends all."""
    voice, track = mixer.join(), mixer.track()
    voice.leave()
    voice.leave()
    with pytest.raises(ClosedError):
        voice.put(np.zeros(960))
    await mixer.join().follow(Tone(440, frames=2))
    track.stop()
    with pytest.raises(MediaStreamError):
        await track.recv()
    rest = mixer.track()
    mixer.close()
    with pytest.raises(MediaStreamError):
        await rest.recv()
    with pytest.raises(ClosedError):
        mixer.join()


def test_sizes_that_cannot_be_are_refused():
    """What is gathered fits into the bound."""
    with pytest.raises(ValueError, match="gather_s"):
        AudioMixer(gather_s=0.3, bound_s=0.2)
