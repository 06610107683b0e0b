"""Files read as pictures and sound: their content, their times, any place of them, and what is no file at all."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from support.clips import COLOURS, TONES_HZ, colour_at, write_clip

from smallrtc_lab.errors import MediaFileError
from smallrtc_lab.media.convert import to_picture
from smallrtc_lab.media.filesource import PictureReader, SoundReader, describe

FORMATS = [
    ("clip.mp4", "libx264", "aac"),
    ("clip.webm", "libvpx", "libopus"),
    ("clip.mkv", "mpeg4", "mp2"),
    ("clip.avi", "mpeg4", "pcm_s16le"),
]


def hz_of(samples: np.ndarray) -> float:
    """Of the loudest tone in (n, 2) int16 at 48 kHz."""
    mono = samples[:, 0] * np.hanning(len(samples))
    return float(np.abs(np.fft.rfft(mono)).argmax() * 48_000 / len(samples))


@pytest.mark.parametrize(("name", "video", "audio"), FORMATS)
def test_pictures_and_sound_come_at_their_times(tmp_path: Path, name: str, video: str, audio: str) -> None:
    """Each half second of a clip has its colour and its tone, whatever container and codecs hold it."""
    path = str(write_clip(tmp_path / name, video=video, audio=audio))
    facts = describe(path)
    assert facts.size == (160, 120)
    assert facts.has_sound
    assert facts.duration_s == pytest.approx(2.0, abs=0.2)
    reader = PictureReader(path)
    times_s = []
    while (found := reader.next()) is not None:
        time_s, frame = found
        times_s.append(time_s)
        colour = to_picture(frame, "rgb").mean((0, 1))
        assert np.abs(colour - colour_at(time_s + 0.005)).max() < 15, f"at {time_s}"
    assert len(times_s) == 50
    assert np.abs(np.diff(times_s) - 0.04).max() < 0.002
    reader.close()
    sound = SoundReader(path)
    pieces = []
    while (piece := sound.next()) is not None:
        pieces.append(piece)
    sound.close()
    for (begin, samples), (following, _) in itertools.pairwise(pieces):
        assert begin + len(samples) == following
    samples = np.concatenate([np.zeros((pieces[0][0], 2), np.int16), *(piece for _, piece in pieces)])
    for index, expected in enumerate(TONES_HZ):
        middle = samples[index * 24_000 + 4_000 : index * 24_000 + 20_000]
        assert hz_of(middle) == pytest.approx(expected, abs=6)
        assert np.abs(middle).max() == pytest.approx(16384, rel=0.1)


@pytest.mark.parametrize("time_s", [0.0, 0.61, 1.4, 1.98, 7.0])
def test_any_place_can_be_sought(tmp_path: Path, time_s: float) -> None:
    """The first picture is the one that is seen then, and the first sample the one that is heard."""
    path = str(write_clip(tmp_path / "clip.mp4"))
    reader, sound = PictureReader(path), SoundReader(path)
    for _ in range(7):
        reader.next(), sound.next()
    reader.seek(time_s)
    found = reader.next()
    assert found is not None
    assert found[0] == pytest.approx(min(time_s, 1.96), abs=0.041)
    assert found[0] <= time_s
    following = reader.next()
    assert following is None if time_s > 1.95 else following is not None and following[0] > time_s
    sound.seek(time_s)
    piece = sound.next()
    if time_s < 1.9:
        assert piece is not None
        assert piece[0] == round(time_s * 48_000)
    reader.close(), sound.close()


def test_the_end_comes_once_and_a_seek_goes_on(tmp_path: Path) -> None:
    """After the last picture there is none, until another place is asked for."""
    reader = PictureReader(str(write_clip(tmp_path / "clip.mp4", audio=None)))
    while reader.next() is not None:
        pass
    assert reader.next() is None
    reader.seek(0.0)
    found = reader.next()
    assert found is not None
    assert found[0] == 0.0
    assert np.abs(to_picture(found[1], "rgb").mean((0, 1)) - COLOURS[0]).max() < 15
    reader.close()


def test_large_pictures_are_made_to_fit(tmp_path: Path) -> None:
    """What is larger than asked for is scaled down, its shape stays."""
    path = str(write_clip(tmp_path / "clip.mp4", seconds=0.2, size=(640, 360), audio=None))
    reader = PictureReader(path, (320, 320))
    found = reader.next()
    assert found is not None
    assert (found[1].width, found[1].height) == (320, 180)
    reader.close()


def test_a_song_has_no_pictures(tmp_path: Path) -> None:
    """It is described so, and who asks for its pictures is told."""
    path = str(write_clip(tmp_path / "song.wav", video=None, audio="pcm_s16le"))
    facts = describe(path)
    assert (facts.size, facts.has_sound) == (None, True)
    with pytest.raises(MediaFileError, match="holds no video"):
        PictureReader(path)


def test_what_is_no_media_file_is_said_plainly(tmp_path: Path) -> None:
    """A missing file, a text, and an empty one each give one sentence with the path in it."""
    text, empty = tmp_path / "notes.mp4", tmp_path / "empty.mp4"
    text.write_text("This is no film. " * 100)
    empty.write_bytes(b"")
    for path in (text, empty, tmp_path / "missing.mp4"):
        with pytest.raises(MediaFileError, match=path.name):
            describe(str(path))


def test_a_broken_middle_is_passed_over(tmp_path: Path) -> None:
    """Damage in a file costs the pictures it hits, and no more."""
    path = write_clip(tmp_path / "clip.ts", video="mpeg2video", audio=None)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 300] = b"\xff" * 300
    path.write_bytes(content)
    reader = PictureReader(str(path))
    times_s = []
    while (found := reader.next()) is not None:
        times_s.append(found[0])
    assert times_s == sorted(times_s)
    assert times_s[-1] > 1.9
    reader.close()
