"""What a person asks of the browser, as W3C constraints or as an error that helps."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

from smallrtc_lab.lab.audio import AudioStream
from smallrtc_lab.lab.decorators import Decorators
from smallrtc_lab.lab.lab import Lab
from smallrtc_lab.lab.options import (
    audio_constraints,
    check_keywords,
    checks_keywords,
    video_constraints,
    whole,
)
from smallrtc_lab.lab.video import VideoStream

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
    with pytest.raises(TypeError, match=r"g\(\) has no keyword 'zzz'; it takes none"):
        check_keywords(["zzz"], [], "g()")
    check_keywords(["one"], ["one", "two"], "f()")


def test_a_decorated_class_answers_wrong_keywords_with_the_nearest() -> None:
    """Public methods, async ones too, name the nearest keyword; their signatures, words and others' errors stay."""

    @checks_keywords
    class Stream:
        def read(self, seconds: float, *, sample_rate: int = 48000) -> tuple[float, int]:
            """Words."""
            return seconds, sample_rate

        async def live(self, timeout_s: float = 60.0) -> float:
            return timeout_s

        def simulate(self, **options: int) -> dict[str, int]:
            return options

        def _inside(self, x: int) -> int:
            return x

    stream = Stream()
    assert stream.read(2.0, sample_rate=8000) == (2.0, 8000)
    assert stream.simulate(anything=1) == {"anything": 1}
    with pytest.raises(
        TypeError, match=r"read\(\) has no keyword 'samplerate'; did you mean 'sample_rate'\?"
    ):
        stream.read(1, samplerate=3)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"live\(\) has no keyword 'timeout'; did you mean 'timeout_s'\?"):
        stream.live(timeout=3)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'seconds'"):
        stream.read()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="unexpected keyword argument 'y'"):
        stream._inside(y=1)  # type: ignore[call-arg]
    assert list(inspect.signature(stream.read).parameters) == ["seconds", "sample_rate"]
    assert stream.read.__doc__ == "Words."


@pytest.mark.parametrize("public", [Lab, Decorators, VideoStream, AudioStream])
def test_every_public_method_is_checked(public: type) -> None:
    """No method of a lab or a stream answers a wrong keyword with Python's bare sentence."""
    checked = 0
    for name, function in vars(public).items():
        if name.startswith("_") or not inspect.isfunction(function):
            continue
        with pytest.raises(TypeError, match=rf"{name}\(\) has no keyword 'nonsens'; "):
            function(None, nonsens=1, **({"seed": 0} if name == "simulate" else {}))
        checked += 1
    assert checked >= 3


def test_whole_numbers() -> None:
    """Python's and NumPy's integers; a float is none, however round."""
    assert (whole("n", 3), whole("n", np.uint8(3))) == (3, 3)
    for wrong in (3.0, "3", None):
        with pytest.raises(TypeError, match="n is a whole number, not"):
            whole("n", wrong)
