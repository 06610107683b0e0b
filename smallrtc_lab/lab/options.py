"""What a person asks of the browser, checked and turned into W3C media constraints."""

from __future__ import annotations

import difflib
import functools
import inspect
import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias, TypeVar

from smallrtc_lab.ice import normalise_ice_servers

__all__ = [
    "VIDEO_DEFAULTS",
    "AudioOption",
    "VideoOption",
    "audio_constraints",
    "check_keywords",
    "checks_keywords",
    "delay_limit",
    "own_ice_servers",
    "video_constraints",
    "whole",
]

C = TypeVar("C", bound=type)

AudioOption: TypeAlias = str | bool | Mapping[str, Any]
VideoOption: TypeAlias = bool | Mapping[str, Any]

# W3C Media Capture and Streams, section 4.3.8: names of constrainable properties.
_AUDIO_NAMES = {
    "echo_cancellation": "echoCancellation",
    "noise_suppression": "noiseSuppression",
    "auto_gain_control": "autoGainControl",
    "sample_rate": "sampleRate",
    "channel_count": "channelCount",
    "device_id": "deviceId",
}
_VIDEO_NAMES = {
    "width": "width",
    "height": "height",
    "frame_rate": "frameRate",
    "aspect_ratio": "aspectRatio",
    "facing_mode": "facingMode",
    "device_id": "deviceId",
}
VIDEO_DEFAULTS = {"width": 640, "height": 480, "frame_rate": 30}


def check_keywords(given: Iterable[str], known: Iterable[str], where: str) -> None:
    """Raise :class:`TypeError` for a keyword that does not exist, naming the nearest one that does."""
    names = list(known)
    for name in given:
        if name in names:
            continue
        near = difflib.get_close_matches(name, names, n=1)
        there_are = f"there are {', '.join(names)}" if names else "it takes none"
        hint = f"did you mean {near[0]!r}?" if near else there_are
        raise TypeError(f"{where} has no keyword {name!r}; {hint}")


def checks_keywords(cls: C) -> C:
    """Class decorator: a wrong keyword of any public method raises as :func:`check_keywords` does.

    Python's own error names no keyword that would be right. Signatures, types and docstrings stay what they are.
    """
    for name, function in list(vars(cls).items()):
        if inspect.isfunction(function) and not name.startswith("_"):
            setattr(cls, name, _checking(function))
    return cls


def _checking(function: Callable[..., Any]) -> Callable[..., Any]:
    _, *parameters = inspect.signature(function).parameters.values()
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return function  # it checks for itself
    names = [p.name for p in parameters]

    @functools.wraps(function)
    def checked(*args: Any, **keywords: Any) -> Any:
        check_keywords(keywords, names, f"{function.__name__}()")
        return function(*args, **keywords)

    return checked


def whole(name: str, value: Any) -> int:
    """A whole number as int, NumPy's too; raises :class:`TypeError` for anything else."""
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{name} is a whole number, not {value!r}") from None


def audio_constraints(option: AudioOption) -> dict[str, Any] | bool:
    """Constraints for the microphone, or False for none.

    ``"raw"`` (and True) switches echo cancellation, noise suppression and gain control off: they took a steady
    700 Hz tone from 0.194 to 0.021 RMS. ``"speech"`` switches them on. A dict sets them one by one, over raw.
    """
    if option is False:
        return False
    if isinstance(option, Mapping):
        return _processing(False) | _translate(option, _AUDIO_NAMES, "audio")
    if option in ("raw", True):
        return _processing(False)
    if option == "speech":
        return _processing(True)
    raise ValueError(f'audio is "raw", "speech", False or a dict of constraints, not {option!r}')


def video_constraints(option: VideoOption) -> dict[str, Any] | bool:
    """Constraints for the camera, or False for none; 640×480 at 30 frames a second unless asked otherwise."""
    if option is False:
        return False
    asked = {} if option is True else option
    if not isinstance(asked, Mapping):
        raise ValueError(
            f"video is True, False or a dict such as dict(width=640, height=480), not {option!r}"
        )
    asked = {
        name: value for name, value in asked.items() if name != "bitrate_bps"
    }  # no constraint: see lab.py
    for name in ("width", "height", "frame_rate"):
        value = asked.get(name)
        if isinstance(value, (int, float)) and value <= 0:
            raise ValueError(f"video {name} is positive, not {value!r}")
    wanted = _translate(VIDEO_DEFAULTS | dict(asked), _VIDEO_NAMES, "video")
    return {k: v if isinstance(v, Mapping) else {"ideal": v} for k, v in wanted.items()}


def delay_limit(seconds: float | None) -> float | None:
    """``Lab(max_delay_s=…)``, checked; None sheds nothing."""
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0.02 <= seconds <= 60:
        raise ValueError(f"max_delay_s is None or 0.02 to 60 seconds, not {seconds!r}")
    return float(seconds)


def own_ice_servers(
    servers: Iterable[Any] | Callable[[], Any] | None,
) -> dict[str, list[dict[str, Any]] | None]:
    """The engine's ``ice_servers`` option: None leaves the choice to the Jupyter server, an empty list means none.

    Those of a source of credentials (:mod:`smallrtc_lab.turn`) are none at first.

    Raises as :func:`smallrtc_lab.ice.normalise_ice_servers` does; no message quotes a credential.
    """
    if callable(servers):
        return {"ice_servers": []}
    return {"ice_servers": None if servers is None else normalise_ice_servers(servers)}


def _processing(enabled: bool) -> dict[str, Any]:
    return {_AUDIO_NAMES[n]: enabled for n in ("echo_cancellation", "noise_suppression", "auto_gain_control")}


def _translate(option: Mapping[str, Any], names: Mapping[str, str], where: str) -> dict[str, Any]:
    """Our names and W3C's own are both understood."""
    check_keywords((k for k in option if k not in names.values()), names, where)
    return {names.get(k, k): v for k, v in option.items()}
