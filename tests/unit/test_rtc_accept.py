"""What may be written: frames, arrays, PyAV's frames and Pipecat's raw ones."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest

from smallrtc_lab.frames import AudioClip, VideoFrame
from smallrtc_lab.rtc.accept import read_picture, read_sound

TONE = np.sin(np.arange(480) / 10) / 2
PCM = np.rint(TONE * 32768).astype(np.int16)
PICTURE = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)


def av_sound() -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(PCM[None, :], format="s16", layout="mono")
    frame.sample_rate = 24_000
    return frame


@pytest.mark.parametrize(
    ("sound", "rate", "channels"),
    [
        (TONE, 16_000, 1),
        (TONE.astype(np.float32), 16_000, 1),
        (PCM, 16_000, 1),
        (np.stack([PCM, PCM], axis=1), 16_000, 2),
        (AudioClip(TONE.astype(np.float32)[:, None], 8_000), 8_000, 1),
        (av_sound(), 24_000, 1),
        (SimpleNamespace(audio=PCM.tobytes(), sample_rate=24_000, num_channels=1), 24_000, 1),
    ],
)
def test_every_kind_of_sound_is_read(sound: Any, rate: int, channels: int) -> None:
    """The samples are float32 of full scale ±1, with the rate they carry or else that of the params."""
    samples, sample_rate = read_sound(sound, 16_000)
    assert (samples.dtype, samples.shape, sample_rate) == (np.float32, (480, channels), rate)
    assert np.abs(samples - TONE[:, None]).max() < 1e-4


@pytest.mark.parametrize(
    ("sound", "error", "words"),
    [
        (np.zeros((2, 480)), ValueError, r"come last.*\.T"),
        (np.zeros((2, 2, 2)), ValueError, r"shape \(n,\)"),
        (np.zeros(4, np.int32), TypeError, "int32"),
        ("hello", ValueError, r"shape \(n,\)"),
    ],
)
def test_what_is_no_sound_says_why(sound: Any, error: type[Exception], words: str) -> None:
    """Wrong shapes and types raise with what is wanted."""
    with pytest.raises(error, match=words):
        read_sound(sound, 16_000)


def test_every_kind_of_picture_is_read() -> None:
    """Arrays are in the params' order, frames in their own, and a frame keeps its time."""
    assert read_picture(PICTURE, "bgr")[1:] == ("bgr", None)
    assert read_picture(VideoFrame(PICTURE, 1.5, format="rgb"), "bgr")[1:] == ("rgb", 1.5)
    assert read_picture(VideoFrame(PICTURE[:, :, 0], format="gray"), "bgr").image.shape == (2, 4)
    theirs = SimpleNamespace(image=PICTURE.tobytes(), size=(4, 2), format="RGB")
    written = read_picture(theirs, "bgr")
    assert np.array_equal(np.asarray(written.image), PICTURE)
    assert (written.format, written.pixels) == ("rgb", 8)
    frame = av.VideoFrame(16, 8, "yuv420p")
    assert read_picture(frame, "rgb").image is frame
    assert read_picture(frame, "rgb").pixels == 128


def test_what_is_no_picture_says_why() -> None:
    """A float picture and an unknown raw format raise with what is wanted."""
    with pytest.raises(TypeError, match="multiply by 255"):
        read_picture(PICTURE / 255, "rgb")
    with pytest.raises(ValueError, match="one of RGB, BGR"):
        read_picture(SimpleNamespace(image=b"", size=(0, 0), format="RGBA"), "rgb")
