"""A file in the place of a camera and a microphone, of codecs that lose nothing."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from smallrtc_lab import signals
from smallrtc_lab.errors import MediaFileError
from smallrtc_lab.media.synthetic_file import FilePictures, FileSound, file_length_s

RATE_HZ = 48_000


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One second of time codes at 20 a second, and a chirp, in one file."""
    path = str(tmp_path_factory.mktemp("files") / "clip.mkv")
    pictures = signals.timecode(1, width=96, height=64, frame_rate=20)
    sound = signals.chirp(200, 2000, 1, channels=2).samples
    with av.open(path, "w") as container:
        video = container.add_stream("ffv1", rate=20, width=96, height=64, pix_fmt="yuv420p")
        audio = container.add_stream("pcm_s16le", rate=RATE_HZ, layout="stereo")
        for image in pictures.images:
            container.mux(video.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        for at in range(0, RATE_HZ, 4800):
            block = np.rint(sound[at : at + 4800] * 32767).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(block.reshape(1, -1), format="s16", layout="stereo")
            frame.sample_rate, frame.pts = RATE_HZ, at
            container.mux(audio.encode(frame))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
    return path


def shown_s(pictures: FilePictures, index: int) -> float | None:
    """The time that a picture shows."""
    return signals.read_timecode(pictures.frame(index).to_ndarray(format="gray"))


def test_pictures_go_around_at_any_rate(clip: str) -> None:
    """At its own rate each picture once a lap; at half of it every second one; forwards, around, and back."""
    assert file_length_s(clip) == pytest.approx(1.0, abs=0.06)
    pictures = FilePictures(clip)
    assert pictures.frame_rate == 20
    assert [shown_s(pictures, index) for index in (0, 1, 7, 19, 20, 33, 4)] == [
        0,
        0.05,
        0.35,
        0.95,
        0,
        0.65,
        0.2,
    ]
    slow = FilePictures(clip, frame_rate=10)
    assert [shown_s(slow, index) for index in range(11)] == pytest.approx([i / 10 for i in range(10)] + [0.0])
    pictures.close()
    slow.close()


def test_pictures_come_in_the_size_asked_for(clip: str) -> None:
    """Larger or smaller, and each frame is private."""
    large = FilePictures(clip, (192, 128))
    frame = large.frame(3)
    assert (frame.width, frame.height, frame.format.name) == (192, 128, "yuv420p")
    plain = FilePictures(clip)
    one, same = plain.frame(3), plain.frame(3)
    np.frombuffer(memoryview(one.planes[0]), np.uint8)[:] = 0
    assert same.to_ndarray().max() > 0
    large.close()
    plain.close()


def test_sound_is_the_files_however_it_is_cut(clip: str) -> None:
    """The very samples, in pieces, around the end and back, in step with the pictures."""
    expected = np.rint(signals.chirp(200, 2000, 1, channels=2).samples * 32767) / 32768
    length = round(file_length_s(clip) * RATE_HZ)
    sound = FileSound(clip)
    pieces = [sound.samples(at, 960) for at in range(0, RATE_HZ, 960)]
    assert np.allclose(np.concatenate(pieces), expected, atol=1.5 / 32768)
    assert np.allclose(sound.samples(length + 100, 777), expected[100:877], atol=1.5 / 32768)
    assert np.allclose(sound.samples(30_000, 50), expected[30_000:30_050], atol=1.5 / 32768)
    around = sound.samples(length - 10, 30)
    assert np.allclose(around[10:], expected[:20], atol=1.5 / 32768)
    sound.close()


def test_what_a_file_does_not_hold_is_said(clip: str, tmp_path: Path) -> None:
    """No such file, no pictures, no sound, and a file that was closed: each is one sentence."""
    wav = tmp_path / "tone.wav"
    wav.write_bytes(signals.tone(300, 0.2).to_wav())
    with pytest.raises(MediaFileError, match="no pictures"):
        FilePictures(str(wav))
    with pytest.raises(MediaFileError, match="no such file"):
        FileSound(str(tmp_path / "none.wav"))
    sound = FileSound(str(wav))
    assert np.abs(sound.samples(0, 960)).max() > 0.3
    sound.close()
    with pytest.raises(MediaFileError, match="closed"):
        sound.samples(0, 960)
