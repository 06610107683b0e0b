"""What can be asked of a plot, and the sentences when it is something else."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from support.processes import package_root

from smallrtc_lab.plots.options import KINDS, MARK_AXES, OPTIONS, Mark, checked, checked_marks, db_range


@pytest.mark.parametrize("kind", KINDS)
def test_defaults_are_valid_and_survive_json(kind: str) -> None:
    """Every default passes its own check, and after a way through JSON all options are the same again."""
    found = checked(kind, {})
    assert set(found) == set(OPTIONS[kind])
    assert checked(kind, json.loads(json.dumps(found))) == found


@pytest.mark.parametrize("kind", KINDS)
def test_every_option_is_explained(kind: str) -> None:
    """Each option has a sentence that ends as one."""
    assert all(option.help.endswith(".") for option in OPTIONS[kind].values())


def test_a_wrong_keyword_names_the_right_one() -> None:
    """A keyword that does not exist raises TypeError with the nearest one that does."""
    with pytest.raises(TypeError, match=r"plot.spectrum\(\) has no keyword 'fmax'; did you mean 'fmax_hz'"):
        checked("spectrum", {"fmax": 4000})
    with pytest.raises(ValueError, match="did you mean 'spectrogram'"):
        checked("spectogram", {})


@pytest.mark.parametrize(
    ("kind", "option", "sentence"),
    [
        ("spectrum", {"nperseg": 8}, "nperseg is a whole number from 16 to 32768 samples, not 8"),
        ("spectrum", {"nperseg": 100.5}, "whole number"),
        ("spectrum", {"overlap": 1.0}, "overlap is a number from 0 to 0.95, not 1.0"),
        ("spectrum", {"overlap": "half"}, "overlap is a number"),
        ("spectrum", {"window": 3}, "name of a window"),
        ("spectrum", {"range_db": (0, -80)}, "low before high"),
        ("spectrum", {"range_db": -80}, "how many dB below 0"),
        ("waveform", {"seconds": float("nan")}, "seconds is a number from 0.001 to 30 s"),
        ("waveform", {"ylim": "auto"}, "ylim is"),
        ("waveform", {"title": 3}, "title is a text"),
        ("video", {"source": "camrea"}, 'did you mean "camera"'),
        ("video", {"axes": 1}, "axes is True or False"),
        ("stats", {"names": []}, "at least one"),
        ("stats", {"names": [1]}, "list of names"),
        ("stats", {"names": list("abcdefg")}, "six fields"),
    ],
)
def test_a_wrong_value_is_explained(kind: str, option: dict[str, Any], sentence: str) -> None:
    """A value that cannot be raises a sentence that says what can."""
    with pytest.raises((TypeError, ValueError), match=sentence):
        checked(kind, option)


def test_what_is_said_in_another_way_is_understood() -> None:
    """Whole floats of sliders, one number of decibels, one name, None for no limit."""
    found = checked("spectrum", {"nperseg": 512.0, "range_db": 80, "fmax_hz": None})
    assert (found["nperseg"], found["fmax_hz"]) == (512, None)
    assert db_range(found["range_db"]) == (-80, 0)
    assert checked("stats", {"names": "fps"})["names"] == ("fps",)


def test_marks() -> None:
    """A mark with two positions is two lines, the label at the first; an axis that is not there is refused."""
    two = checked_marks(
        "spectrogram", [{"y_hz": 440, "time_s": 2.5, "label": "a"}, {"y_hz": 880, "time_s": None}]
    )
    assert two == (Mark("y_hz", 440.0, "a"), Mark("time_s", 2.5), Mark("y_hz", 880.0))
    with pytest.raises(TypeError, match="did you mean 'y_hz'"):
        checked_marks("spectrum", [{"hz": 440}])
    with pytest.raises(TypeError, match="no axis"):
        checked_marks("video", [{"y_hz": 440}])
    with pytest.raises(TypeError, match="stands at y_hz or time_s"):
        checked_marks("spectrogram", [{"label": "a"}])
    with pytest.raises(ValueError, match="time_s"):
        checked_marks("level", [{"time_s": float("inf")}])
    assert set(MARK_AXES) == set(KINDS)


def test_options_load_no_matplotlib() -> None:
    """A kernel makes traits of the options, and knows the interface, without loading matplotlib or Pillow."""
    code = (
        f"import sys; sys.path.insert(0, {str(package_root())!r}); import smallrtc_lab.plots.options, "
        "smallrtc_lab.plots.drawing; print([n for n in ('matplotlib', 'PIL') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr
