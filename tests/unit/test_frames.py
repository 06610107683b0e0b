"""Pictures and sound as a person gets them."""

from __future__ import annotations

import io
import wave
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from PIL import Image

from smallrtc_lab.frames import AudioClip, Gap, VideoClip, VideoFrame


def random_picture(*shape: int) -> np.ndarray:
    """Some pixels."""
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def ramp_clip(seconds: float = 1.0, channels: int = 2, rate: int = 1000, **more: object) -> AudioClip:
    """A clip whose samples rise from 0 to 1."""
    wave_ = np.linspace(0, 1, round(rate * seconds), dtype=np.float32)
    return AudioClip(np.repeat(wave_[:, None], channels, axis=1), rate, **more)  # type: ignore[arg-type]


def test_formats_of_a_frame() -> None:
    """A frame gives RGB, BGR and gray whatever it holds itself."""
    rgb = random_picture(6, 8, 3)
    frame = VideoFrame(rgb)
    assert frame.rgb is rgb
    assert np.array_equal(frame.bgr, rgb[:, :, ::-1])
    assert frame.bgr.flags.c_contiguous
    assert np.abs(frame.gray - rgb @ np.array([0.299, 0.587, 0.114])).max() <= 0.501
    assert frame.gray.dtype == np.uint8

    other = VideoFrame(frame.bgr, format="bgr")
    assert np.array_equal(other.rgb, rgb)
    assert other.bgr is other.image
    assert np.array_equal(other.gray, frame.gray)

    gray = VideoFrame(frame.gray, format="gray")
    assert gray.gray is gray.image
    assert gray.rgb.shape == gray.bgr.shape == (6, 8, 3)
    assert (gray.rgb == gray.image[:, :, None]).all()
    assert VideoFrame(np.full((2, 2, 3), 255, np.uint8)).gray.max() == 255


def test_size_and_words() -> None:
    """A frame knows its size and says what it is in one line."""
    frame = VideoFrame(random_picture(480, 640, 3), time_s=1.5, sequence=42)
    assert (frame.width, frame.height) == (640, 480)
    assert repr(frame) == "VideoFrame(640×480 rgb, camera, sequence=42, time_s=1.500)"


@pytest.mark.parametrize(
    ("thing", "inner"), [(VideoFrame(random_picture(4, 4, 3)), "image"), (ramp_clip(), "samples")]
)
def test_numpy_takes_it(thing: VideoFrame | AudioClip, inner: str) -> None:
    """NumPy functions take frames and clips; another dtype converts, a copy is made only when asked or needed."""
    own = getattr(thing, inner)
    assert np.asarray(thing) is own
    assert np.asarray(thing, dtype=np.float64).dtype == np.float64
    assert np.asarray(thing, np.int64).dtype == np.int64
    copied = np.array(thing)
    assert np.array_equal(copied, own)
    assert not np.shares_memory(copied, own)
    assert np.mean(thing) == own.mean()


def test_a_frame_cannot_be_changed_but_its_pixels_can() -> None:
    """Attributes are fixed; the array is writable."""
    frame = VideoFrame(random_picture(4, 4, 3))
    with pytest.raises(FrozenInstanceError):
        frame.time_s = 3.0  # type: ignore[misc]
    frame.image[0, 0] = 7
    assert frame.rgb[0, 0].tolist() == [7, 7, 7]


@pytest.mark.parametrize("format", ["rgb", "bgr", "gray"])
def test_png(format: str) -> None:
    """The PNG file holds the pixels in their right colours."""
    frame = VideoFrame(random_picture(5, 7) if format == "gray" else random_picture(5, 7, 3), format=format)  # type: ignore[arg-type]
    with Image.open(io.BytesIO(frame.to_png())) as image:
        assert np.array_equal(np.asarray(image.convert("RGB")), frame.rgb)


@pytest.mark.parametrize("kind", [lambda **more: VideoFrame(random_picture(4, 4, 3), **more), ramp_clip])
def test_faces_and_voices_are_private(kind: type) -> None:
    """Shown in a cell, a frame or clip gives a note; only a shareable one gives itself; a publisher gives a link."""
    private, shareable = kind(), kind(shareable=True)
    assert "save_pictures=True" in private._repr_html_()
    assert "base64" not in private._repr_html_()
    published = kind(_publish=lambda thing: f"<img alt='{type(thing).__name__}'>")
    assert published._repr_html_().startswith("<img alt=")
    if isinstance(private, VideoFrame):
        assert private._repr_png_() is None
        assert published._repr_png_() is None
        assert shareable._repr_png_().startswith(b"\x89PNG")
        assert shareable._repr_html_() is None
    else:
        assert shareable._repr_html_().startswith("<audio controls")


def test_video_clip() -> None:
    """A clip of pictures has a length in pictures and in seconds."""
    clip = VideoClip(random_picture(3, 4, 6, 3), np.array([1.0, 1.5, 2.25]))
    assert len(clip) == 3
    assert clip.duration_s == 1.25
    assert repr(clip) == "VideoClip(3×4×6×3 rgb, 1.25 s)"
    assert VideoClip(np.empty((0, 4, 6, 3), np.uint8), np.empty(0)).duration_s == 0.0


def test_views_of_sound() -> None:
    """Mono is the mean, channels come first on request; both are copies of the clip's own type."""
    samples = np.random.default_rng(0).uniform(-1, 1, (100, 2)).astype(np.float32)
    clip = AudioClip(samples, 8000, start_s=2.0)
    assert np.allclose(clip.mono, samples.mean(axis=1), atol=1e-7)
    assert np.array_equal(clip.channels_first, samples.T)
    assert clip.duration_s == 100 / 8000
    assert clip.times_s[0] == 2.0
    assert clip.times_s[-1] == pytest.approx(2.0 + 99 / 8000)
    assert (len(clip), clip.channels) == (100, 2)
    assert repr(clip) == "AudioClip(0.01 s, 8000 Hz, 2 channels)"
    for one in (clip, AudioClip(samples[:, :1].copy(), 8000)):
        for view in (one.mono, one.channels_first):
            assert view.dtype == np.float32
            assert view.flags.c_contiguous
            assert not np.shares_memory(view, one.samples)


def test_wav_keeps_every_bit() -> None:
    """16-bit sound survives the way through a clip into a WAV file; what is too loud is clipped, NaN is silent."""
    every = np.arange(-32768, 32768, dtype=np.int16)
    clip = AudioClip((every / np.float32(32768)).astype(np.float32).reshape(-1, 2), 44100)
    with wave.open(io.BytesIO(clip.to_wav())) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (44100, 2, 2)
        assert np.array_equal(np.frombuffer(file.readframes(40_000), "<i2"), every)
    loud = AudioClip(np.array([[2.0], [-2.0], [np.nan], [np.inf]], np.float32), 8000)
    with wave.open(io.BytesIO(loud.to_wav())) as file:
        assert np.frombuffer(file.readframes(4), "<i2").tolist() == [32767, -32768, 0, 32767]


def test_between_cuts_by_session_time() -> None:
    """A part has its own start, its own copy, and of each gap what lies inside."""
    clip = ramp_clip(4.0, start_s=10.0, gaps=(Gap(10.5, 1.0), Gap(13.0, 0.5)))
    part = clip.between(11.0, 13.25)
    assert part.start_s == 11.0
    assert part.duration_s == 2.25
    assert part.gaps == (Gap(11.0, 0.5), Gap(13.0, 0.25))
    assert np.array_equal(part.samples, clip.samples[1000:3250])
    assert not np.shares_memory(part.samples, clip.samples)


def test_between_outside() -> None:
    """Asked for more than there is, or for nothing, the part is what there is, or empty."""
    clip = ramp_clip(1.0, start_s=10.0)
    assert (clip.between(0, 99).start_s, len(clip.between(0, 99))) == (10.0, 1000)
    for start_s, end_s in ((0, 5), (50, 60), (10.5, 10.2)):
        part = clip.between(start_s, end_s)
        assert len(part) == 0
        assert 10.0 <= part.start_s <= 11.0
        assert part.gaps == ()
