"""Test signals as clips: right, repeatable, and what the simulated browser sends."""

from __future__ import annotations

import inspect
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from scipy import signal

from smallrtc_lab import signals
from smallrtc_lab.frames import AudioClip, VideoClip, VideoFrame
from smallrtc_lab.media.synthetic import AUDIO_SOURCES, VIDEO_SOURCES, audio_source, video_source

SOUNDS = {
    "tone": {"hz": 300.0},
    "chirp": {"seconds": 0.5},
    "noise": {"kind": "pink"},
    "speech": {},
    "silence": {},
}
PICTURES = {"bars": "bars", "pattern": "pattern", "timecode": "timecode", "noise": "noise_pictures"}


@pytest.mark.parametrize("name", AUDIO_SOURCES)
def test_sounds_are_what_simulate_sends(name: str) -> None:
    """The clip has the very samples of the source of that name, at its rate and in its channels."""
    options: dict[str, Any] = SOUNDS[name]
    clip: AudioClip = getattr(signals, name)(**{"seconds": 0.5, **options}, sample_rate=16_000, channels=2)
    source = audio_source(name, 16_000, 2, **options)
    assert (clip.sample_rate, clip.samples.shape, clip.start_s) == (16_000, (8000, 2), 0.0)
    assert np.array_equal(clip.samples, source.samples(0, 8000))
    assert clip.shareable


@pytest.mark.parametrize("name", VIDEO_SOURCES)
def test_pictures_are_what_simulate_sends(name: str) -> None:
    """The clip has the very pixels of the source of that name, with the times of its rate."""
    make = getattr(signals, PICTURES[name])
    clip: VideoClip = make(0.4, width=64, height=48, frame_rate=10, seed=3)
    source = video_source(name, 64, 48, 10, 3)
    assert clip.images.shape == (4, 48, 64, 3)
    assert np.allclose(clip.times_s, [0, 0.1, 0.2, 0.3])
    assert all(np.array_equal(image, source.picture(index)) for index, image in enumerate(clip.images))


def test_pink_noise_falls_by_three_decibels_an_octave() -> None:
    """Its power is 1/f, within half a decibel an octave; its peak is the amplitude at most."""
    clip = signals.noise(10, kind="pink", amplitude=0.8, seed=2)
    hz, power = signal.welch(clip.mono, 48_000, nperseg=8192)
    band = (hz > 50) & (hz < 12_000)
    slope, _ = np.polyfit(np.log2(hz[band]), 10 * np.log10(power[band]), 1)
    assert slope == pytest.approx(-3.01, abs=0.25)
    assert 0.3 < np.abs(clip.samples).max() <= 0.8
    with pytest.raises(ValueError, match='"white" or "pink"'):
        signals.noise(kind="green")  # type: ignore[arg-type]


def test_the_first_channel_is_the_same_alone() -> None:
    """Noise in one channel is the first of noise in two, and the second is another one."""
    for kind in ("white", "pink"):
        one, two = (signals.noise(0.2, kind=kind, channels=n).samples for n in (1, 2))
        assert np.array_equal(one[:, 0], two[:, 0])
        assert not np.array_equal(two[:, 0], two[:, 1])


def test_a_time_code_is_written_and_read() -> None:
    """Pictures tell their time in seconds, as frames, arrays and gray; what has no code tells none."""
    clip = signals.timecode(1, width=320, height=240, frame_rate=25)
    assert [signals.read_timecode(image) for image in clip.images] == pytest.approx(list(clip.times_s))
    assert signals.read_timecode(VideoFrame(clip.images[5])) == 0.2
    assert signals.read_timecode(signals.bars().images[0]) is None
    gray = np.zeros((240, 320), np.uint8)
    signals.write_timecode(gray, 12.345)
    assert signals.read_timecode(gray) == 12.345


@pytest.mark.parametrize(
    "name", [name for name in signals.__all__ if "read" not in name and "write" not in name]
)
def test_nothing_lasts_no_time(name: str) -> None:
    """A length that is none is said."""
    assert "seconds" in inspect.signature(getattr(signals, name)).parameters
    with pytest.raises(ValueError, match="seconds is a positive number"):
        getattr(signals, name)(seconds=0)


def test_it_is_light() -> None:
    """Importing it loads neither PyAV nor aiortc nor a widget."""
    code = "import sys, smallrtc_lab.signals; print({'av', 'aiortc', 'anywidget', 'matplotlib'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"


def test_wrong_arguments_are_refused_in_a_sentence() -> None:
    """A keyword names the nearest one; a time code is drawn only where it can be read again."""
    with pytest.raises(TypeError, match=r"signals\.tone\(\) has no keyword 'second'; did you mean 'seconds'"):
        signals.tone(440, second=2)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="array of uint8"):
        signals.write_timecode(np.zeros((48, 64, 3)), 1.0)  # type: ignore[arg-type]
