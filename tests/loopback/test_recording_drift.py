"""Flashes and beeps, sent through WebRTC and recorded: how far sound and picture drift apart in the file."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from aiortc import MediaStreamTrack
from support.packets import FLASH_S, flashes_and_beeps

from smallrtc_lab.engine.inbound import AudioInbound, VideoInbound
from smallrtc_lab.media.clock import SessionClock
from smallrtc_lab.media.encoded import TimedPacket
from smallrtc_lab.media.recorder import Recorder
from smallrtc_lab.media.recorder_formats import TrackName, file_format

BEEP_S = 0.05
WHITE_S = 0.1
SETTLED_S = 15.0  # sender reports come every few seconds, and times glide to them


class Paced(MediaStreamTrack):
    """Pieces that leave when their time since ``start_s`` has come."""

    def __init__(self, start_s: float) -> None:
        super().__init__()
        self.start_s, self.number = start_s, -1

    async def due(self, interval_s: float) -> int:
        self.number += 1
        await asyncio.sleep(max(0.0, self.start_s + self.number * interval_s - time.monotonic()))
        return self.number


class Flashes(Paced):
    """White for a tenth of a second once a second, else dark; 15 a second."""

    kind = "video"

    async def recv(self) -> av.VideoFrame:
        number = await self.due(1 / 15)
        white = number / 15 % FLASH_S < WHITE_S - 1e-6
        image = np.full((120, 160, 3), 230 if white else 20, np.uint8)
        frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format="yuv420p")
        frame.pts, frame.time_base = number * 6000, Fraction(1, 90000)
        return frame


class Beeps(Paced):
    """1 kHz for 50 ms once a second, else silence."""

    kind = "audio"

    async def recv(self) -> av.AudioFrame:
        number = await self.due(0.02)
        times_s = (number * 960 + np.arange(960)) / 48000
        wave = np.where(times_s % FLASH_S < BEEP_S, np.sin(2 * np.pi * 1000 * times_s), 0)
        stereo = np.repeat(np.rint(16384 * wave).astype(np.int16), 2)[None, :]
        frame = av.AudioFrame.from_ndarray(stereo, format="s16", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = 48000, number * 960, Fraction(1, 48000)
        return frame


def into(recorder: Recorder, name: TrackName) -> Callable[[TimedPacket], None]:
    return lambda packet: recorder.put(name, packet)


async def recorded(wire: Any, path: Path, seconds: float) -> Recorder:
    """A recording of so many seconds, begun when the streams flow."""
    start_s = time.monotonic() + 0.2
    async with wire.linked(audio=Beeps(start_s), video=Flashes(start_s)) as (_, connection):
        clock = SessionClock(time.monotonic())
        camera, microphone = VideoInbound("camera", clock), AudioInbound(clock)
        camera.follow(connection.video_input_track())
        microphone.follow(connection.audio_input_track())
        path.touch()
        names = {TrackName("video", "camera"): camera, TrackName("audio", "microphone"): microphone}
        recorder = Recorder(path, file_format(path), names)
        for name, stream in names.items():
            stream.taps.append(into(recorder, name))
        await camera.request_keyframe()
        await asyncio.sleep(seconds)
        assert await asyncio.to_thread(recorder.stop, 60)
        await camera.disconnect()
        await microphone.disconnect()
    return recorder


@pytest.mark.parametrize(
    "seconds", [8.0, pytest.param(600.0, marks=[pytest.mark.soak, pytest.mark.timeout(900)])]
)
async def test_sound_and_picture_keep_together_in_the_file(wire: Any, tmp_path: Path, seconds: float) -> None:
    """Every flash has its beep, from the first to the last; over ten minutes their offset stays as it was."""
    path = tmp_path / "drift.webm"
    recorder = await recorded(wire, path, seconds)
    flashes_s, beeps_s = flashes_and_beeps(str(path))
    offsets_s = [min((beep_s - at_s for beep_s in beeps_s), key=abs) for at_s in flashes_s]
    offsets_ms = 1000 * np.array([one for one in offsets_s if abs(one) < FLASH_S / 2])
    figures = recorder.figures()
    print(
        f"{len(flashes_s)} flashes, {len(beeps_s)} beeps in {figures.duration_s:.1f} s; {figures.dropped} dropped"
    )
    print(
        f"sound − picture, 0 5 50 95 100 %: {np.round(np.percentile(offsets_ms, (0, 5, 50, 95, 100)), 1)} ms"
    )
    assert len(offsets_ms) >= seconds / 2
    if seconds > 4 * SETTLED_S:
        early, late = (float(np.median(part)) for part in (offsets_ms[15:75], offsets_ms[-60:]))
        print(
            f"median of the second quarter minute {early:.1f} ms, of the last minute {late:.1f} ms (goal: 20 apart)"
        )
        assert abs(late - early) <= 100
