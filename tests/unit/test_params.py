"""TransportParams and VADParams: every field of Pipecat's, checked values, sentences that help."""

from __future__ import annotations

import dataclasses
import json
import pickle
import subprocess
import sys
import warnings
from types import SimpleNamespace

import pytest
from support.processes import package_root

from smallrtc_lab.params import TransportParams, VADParams, VideoInSourceParams

# The fields of pipecat-ai 1.14.0's TransportParams, transports/base_transport.py.
PIPECAT_1_14 = {
    "audio_out_enabled",
    "audio_out_sample_rate",
    "audio_out_channels",
    "audio_out_bitrate",
    "audio_out_10ms_chunks",
    "audio_out_filter",
    "audio_out_volume",
    "audio_out_mixer",
    "audio_out_destinations",
    "audio_out_end_silence_secs",
    "audio_out_auto_silence",
    "audio_out_write_timeout_secs",
    "audio_in_enabled",
    "audio_in_sample_rate",
    "audio_in_channels",
    "audio_in_filter",
    "audio_in_stream_on_start",
    "audio_in_passthrough",
    "video_in_enabled",
    "video_in_sources",
    "video_out_enabled",
    "video_out_is_live",
    "video_out_width",
    "video_out_height",
    "video_out_bitrate",
    "video_out_framerate",
    "video_out_color_format",
    "video_out_codec",
    "video_out_destinations",
}
WITHOUT_EFFECT = {  # another value than the default; None stands for an object of Pipecat's
    "audio_in_filter": None,
    "audio_in_passthrough": False,
    "audio_out_bitrate": 32_000,
    "audio_out_destinations": ["else"],
    "audio_out_end_silence_secs": 0,
    "audio_out_filter": None,
    "audio_out_mixer": None,
    "video_out_bitrate": 800_000,
    "video_out_codec": "VP8",
    "video_out_destinations": ["else"],
}


def test_every_field_of_pipecat_is_accepted_and_only_vad_is_added() -> None:
    """The fields are those of Pipecat 1.14, and two for speech."""
    names = {one.name for one in dataclasses.fields(TransportParams)}
    assert names == PIPECAT_1_14 | {"vad", "vad_analyzer"}


def test_the_defaults_are_pipecats_but_for_sizes() -> None:
    """Nothing is switched on by default, sound is mono, and pictures keep their size."""
    params = TransportParams()
    assert not any(
        getattr(params, f"{kind}_{way}_enabled") for kind in ("audio", "video") for way in ("in", "out")
    )
    assert (params.audio_in_channels, params.audio_out_channels, params.audio_out_10ms_chunks) == (1, 1, 4)
    assert params.picture_size is None
    assert params.picture_format == "rgb"
    assert params.voice is None


ONCE = """
import json, sys, warnings
from smallrtc_lab.params import TransportParams
values = {name: object() if value is None else value for name, value in json.loads(sys.argv[1]).items()}
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    TransportParams(audio_out_bitrate=96_000, audio_out_destinations=[])
    assert not seen, seen
    TransportParams(**values)
    TransportParams(**values)
print(json.dumps([(str(one.message).split()[1], one.filename) for one in seen]))
"""


def test_a_field_without_effect_warns_once_a_process() -> None:
    """Each field without effect warns at its first other value, naming itself and the caller, and never again."""
    done = subprocess.run(
        [sys.executable, "-c", ONCE, json.dumps(WITHOUT_EFFECT)],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=package_root(),
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [[name, "<string>"] for name in WITHOUT_EFFECT]


def test_fields_with_an_effect_do_not_warn() -> None:
    """What this transport does is done without a word."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        TransportParams(
            audio_out_auto_silence=False,
            audio_out_10ms_chunks=2,
            audio_out_volume=0.5,
            audio_out_write_timeout_secs=1,
            audio_in_stream_on_start=False,
            video_out_is_live=True,
            video_out_framerate=15,
            vad=True,
        )


@pytest.mark.parametrize(
    ("name", "near"),
    [("audio_in_samplerate", "audio_in_sample_rate"), ("video_out_heigth", "video_out_height")],
)
def test_an_unknown_field_names_the_nearest(name: str, near: str) -> None:
    """A misspelt field is a TypeError with the right spelling."""
    with pytest.raises(TypeError, match=f"no field '{name}'; did you mean '{near}'"):
        TransportParams(**{name: 1})


def test_an_unknown_field_far_from_all_lists_them() -> None:
    """A field like no other is a TypeError with all there are."""
    with pytest.raises(TypeError, match="there are confidence, start_secs, stop_secs, min_volume"):
        VADParams(zzz=1)  # type: ignore[call-arg]


def test_values_have_names() -> None:
    """Values without a name are refused with an example."""
    with pytest.raises(TypeError, match="named values only, such as confidence="):
        VADParams(0.7)  # type: ignore[misc]


@pytest.mark.parametrize(
    ("field", "value", "error", "words"),
    [
        ("audio_in_enabled", 1, TypeError, "True or False"),
        ("audio_in_sample_rate", 100, ValueError, "from 8000 to 192000 Hz, not 100"),
        ("audio_out_sample_rate", 16000.0, TypeError, "whole number"),
        ("audio_out_sample_rate", True, TypeError, "whole number"),
        ("audio_in_channels", 3, ValueError, "from 1 to 2"),
        ("audio_out_10ms_chunks", 0, ValueError, "from 1 to 100"),
        ("audio_out_volume", float("nan"), ValueError, "number from 0"),
        ("audio_out_write_timeout_secs", 0, ValueError, "from 0.001"),
        ("video_out_framerate", "30", TypeError, "pictures/s"),
        ("video_out_framerate", 0, ValueError, "pictures/s"),
        ("video_out_width", 640, ValueError, "given together"),
        ("video_out_color_format", "YUV", ValueError, '"RGB", "BGR" or "GRAY"'),
        ("video_in_sources", ["camera"], TypeError, "a dict such as"),
        ("video_in_sources", {"camera": {}}, ValueError, "needs video_in_enabled"),
        ("vad", "on", TypeError, "VADParams is wanted"),
        ("vad_analyzer", object(), TypeError, "VADParams is wanted"),
    ],
)
def test_a_wrong_value_says_what_is_wanted(
    field: str, value: object, error: type[Exception], words: str
) -> None:
    """Each wrong value raises with its field's name and what would do."""
    with pytest.raises(error, match=words):
        TransportParams(**{field: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("field", ["confidence", "min_volume", "start_secs", "stop_secs"])
def test_voice_settings_are_checked(field: str) -> None:
    """A confidence, volume or time out of its range is refused."""
    with pytest.raises(ValueError, match=field):
        VADParams(**{field: -0.1})


def test_voice_activity_is_asked_for_in_several_ways() -> None:
    """True, our settings, a dict and an analyzer with settings all mean the same object."""
    wanted = VADParams(confidence=0.5, start_secs=0.1, stop_secs=0.8, min_volume=0.2)
    theirs = SimpleNamespace(params=SimpleNamespace(**dataclasses.asdict(wanted)))
    assert TransportParams(vad=True).voice == VADParams()
    assert TransportParams(vad=wanted).voice is wanted
    assert TransportParams(vad=dataclasses.asdict(wanted)).voice == wanted  # type: ignore[arg-type]
    assert TransportParams(vad_analyzer=theirs).voice == wanted
    assert TransportParams(vad_analyzer=wanted).voice == wanted
    assert TransportParams(vad=False, vad_analyzer=theirs).voice is None


def test_sources_may_be_pipecats_names_and_objects() -> None:
    """The screen is known by both its names, and settings may be a dict or any object that has the fields."""
    theirs = SimpleNamespace(framerate=5, on_request_only=False)
    params = TransportParams(
        video_in_enabled=True, video_in_sources={"camera": {"framerate": 2}, "screenVideo": theirs}
    )  # type: ignore[dict-item]
    assert params.video_in_sources == {
        "camera": VideoInSourceParams(framerate=2),
        "screen": VideoInSourceParams(framerate=5),
    }
    with pytest.raises(ValueError, match="did you mean 'camera'"):
        TransportParams(video_in_enabled=True, video_in_sources={"camer": {}})  # type: ignore[dict-item]


def test_settings_do_not_change_but_can_be_copied() -> None:
    """Settings are frozen; `dataclasses.replace` and pickle give equal ones."""
    params = TransportParams(video_out_width=640, video_out_height=480, vad=True)
    with pytest.raises(dataclasses.FrozenInstanceError):
        params.video_out_width = 320  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(params)) == params == dataclasses.replace(params)
    assert dataclasses.replace(params, video_out_width=320).picture_size == (320, 480)
