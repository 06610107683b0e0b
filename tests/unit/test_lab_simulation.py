"""What a person asks of the simulated browser, checked before the engine is asked."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from smallrtc_lab.lab.simulation import simulation


def test_simulation_parts_options_by_kind() -> None:
    """Size and rate are the picture's, everything else the sound's; a kind left out has None."""
    assert simulation("bars", "tone", 3, {"width": 320, "hz": 500}) == {
        "video": {"name": "bars", "seed": 3, "width": 320},
        "audio": {"name": "tone", "seed": 3, "hz": 500},
    }
    assert simulation(None, "silence", 0, {})["video"] is None
    assert simulation("noise", None, 0, {"frame_rate": 5})["audio"] is None


@pytest.mark.parametrize(
    ("video", "audio", "options", "kind", "words"),
    [
        ("bar", "tone", {}, ValueError, "bars"),
        ("bars", "tome", {"hz": 1}, ValueError, "tone"),
        ("bars", "tone", {"frequency": 1}, TypeError, "frequency"),
        ("bars", "silence", {"hz": 440}, TypeError, "hz"),
        ("bars", "tone", {"amplitude": 2}, ValueError, "amplitude"),
        ("bars", "tone", {"width": 0}, ValueError, "0"),
        ("bars", None, {"hz": 440}, TypeError, "hz"),
    ],
)
def test_simulation_refuses_what_cannot_be(
    video: str, audio: str | None, options: dict[str, Any], kind: type[Exception], words: str
) -> None:
    """Each mistake is found before the engine is asked."""
    with pytest.raises(kind, match=words):
        simulation(video, audio, 0, options)


def test_files_are_known_by_their_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path is made absolute where the kernel stands; a name that is neither source nor file names the nearest."""
    monkeypatch.chdir(tmp_path)
    asked = simulation("clip.mp4", str(tmp_path / "voice.wav"), 0, {"width": 320, "height": 240})
    assert asked == {
        "video": {"file": os.fspath(tmp_path / "clip.mp4"), "width": 320, "height": 240},
        "audio": {"file": os.fspath(tmp_path / "voice.wav")},
    }
    (tmp_path / "bare").touch()
    assert simulation("bare", None, 0, {})["video"] == {"file": os.fspath(tmp_path / "bare")}
    with pytest.raises(ValueError, match='did you mean "pattern"'):
        simulation("patern", None, 0, {})
    with pytest.raises(TypeError, match="hz"):
        simulation("bars", "voice.wav", 0, {"hz": 440})


def test_a_wrong_keyword_of_a_source_names_the_nearest() -> None:
    """Those of simulate() itself too; a seed is a whole number."""
    with pytest.raises(TypeError, match="did you mean 'video'"):
        simulation("bars", "tone", 0, {"vido": "bars"})
    with pytest.raises(TypeError, match="seed is a whole number, not 'a'"):
        simulation("bars", "tone", "a", {})  # type: ignore[arg-type]
