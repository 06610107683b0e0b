"""What a person asks of the browser, as W3C constraints or as an error that helps."""

from __future__ import annotations

from typing import Any

import pytest

from smallrtc_lab.lab.options import audio_constraints, check_keywords, simulation, video_constraints

RAW = {"echoCancellation": False, "noiseSuppression": False, "autoGainControl": False}


def test_raw_is_the_default_and_switches_processing_off() -> None:
    """What measures sound gets it unchanged; speech switches the browser's processing on; a dict goes over raw."""
    assert audio_constraints("raw") == audio_constraints(True) == audio_constraints({}) == RAW
    assert audio_constraints("speech") == dict.fromkeys(RAW, True)
    assert audio_constraints(False) is False
    asked = audio_constraints({"echo_cancellation": True, "sampleRate": 16000})
    assert asked == RAW | {"echoCancellation": True, "sampleRate": 16000}


def test_video_has_a_size_and_a_rate_unless_asked_otherwise() -> None:
    """640×480 at 30, as wishes the browser may miss; exact ones pass as they are."""
    assert video_constraints(True) == {
        "width": {"ideal": 640},
        "height": {"ideal": 480},
        "frameRate": {"ideal": 30},
    }
    asked = video_constraints({"width": 1280, "frame_rate": {"exact": 15}, "facing_mode": "user"})
    assert asked == {
        "width": {"ideal": 1280},
        "height": {"ideal": 480},
        "frameRate": {"exact": 15},
        "facingMode": {"ideal": "user"},
    }
    assert video_constraints(False) is False


@pytest.mark.parametrize("option", ["loud", 1.5, None, ["raw"]])
def test_other_audio_is_refused(option: Any) -> None:
    """The sentence lists what there is."""
    with pytest.raises(ValueError, match='"raw", "speech", False or a dict'):
        audio_constraints(option)


def test_keywords_name_the_nearest_one() -> None:
    """A slip of the keyboard is answered with the word that was meant, anything else with all there are."""
    with pytest.raises(
        TypeError, match=r"audio has no keyword 'echo_cancelation'; did you mean 'echo_cancellation'\?"
    ):
        audio_constraints({"echo_cancelation": True})
    with pytest.raises(TypeError, match=r"f\(\) has no keyword 'zzz'; there are one, two"):
        check_keywords(["one", "zzz"], ["one", "two"], "f()")
    check_keywords(["one"], ["one", "two"], "f()")


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
