"""What is given to be played."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from smallrtc_lab.frames import AudioClip
from smallrtc_lab.lab.sending_given import place_of, sound_of


def test_sound_of_any_kind_becomes_columns_of_floats() -> None:
    """(n,), (n, 2), float64, int16 and clips."""
    assert sound_of(np.zeros(5)).shape == (5, 1)
    assert sound_of(np.zeros((5, 2), np.float32)).shape == (5, 2)
    assert sound_of(np.array([16384], np.int16))[0, 0] == 0.5
    assert sound_of([0.5, 2.0]).tolist() == [[0.5], [1.0]]
    clip = AudioClip(samples=np.ones((3, 2), np.float32), sample_rate=8000, start_s=0.0)
    assert sound_of(clip).shape == (3, 2)
    assert sound_of(np.zeros(0)).shape == (0, 1)


def test_sound_of_another_scale_is_refused() -> None:
    """Rather than played as noise."""
    with pytest.raises(ValueError, match="reach 2e\\+04: divide by 32768"):
        sound_of(np.array([20_000.0]))


def test_a_place_is_whole_and_exists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative to where the notebook is; an address of the network is left to FFmpeg."""
    (tmp_path / "clip.mp4").touch()
    monkeypatch.chdir(tmp_path)
    assert place_of("clip.mp4") == str(tmp_path / "clip.mp4")
    assert place_of(Path("clip.mp4")) == str(tmp_path / "clip.mp4")
    assert place_of("https://example.org/clip.mp4") == "https://example.org/clip.mp4"
    with pytest.raises(FileNotFoundError, match=r"no file 'other\.mp4' in"):
        place_of("other.mp4")


def test_sound_with_holes_is_refused_in_one_sentence(recwarn: pytest.WarningsRecorder) -> None:
    """Without a warning of NumPy's before it."""
    for hole in (np.nan, np.inf):
        with pytest.raises(ValueError, match="holds NaN or infinity"):
            sound_of(np.array([0.1, hole]))
    assert len(recwarn) == 0
