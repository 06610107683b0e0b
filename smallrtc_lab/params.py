"""What a transport does with sound and pictures: the fields of Pipecat 1.14's ``TransportParams``, checked.

    TransportParams(audio_in_enabled=True, audio_in_sample_rate=16000, audio_out_enabled=True, vad=True)

Every field there is accepted here. One that has no effect in this transport warns once a process, when it is given
another value than its default; one that does not exist raises ``TypeError`` with the nearest that does.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from .frames import PixelFormat

__all__ = ["TransportParams", "VADParams", "VideoInSourceParams"]

S = TypeVar("S", bound="_Settings")

_SHORTEST_RATE_HZ, _HIGHEST_RATE_HZ = 8_000, 192_000
_FORMATS: dict[str, PixelFormat] = {"RGB": "rgb", "BGR": "bgr", "GRAY": "gray"}
_SOURCES = {"camera": "camera", "screen": "screen", "screenVideo": "screen"}


class _Settings:
    """Named values only: a name that does not exist is refused with the nearest one that does."""

    def __new__(cls: type[S], *values: Any, **named: Any) -> S:
        if values:
            raise TypeError(f"{cls.__name__} takes named values only, such as {_names(cls)[0]}=...")
        for name in named:
            if name not in _names(cls):
                raise TypeError(f"{cls.__name__} has no field {name!r}; {_hint(name, _names(cls))}")
        return super().__new__(cls)


@dataclass(frozen=True, kw_only=True)
class VADParams(_Settings):
    """When somebody counts as speaking.

    ``confidence`` (0 to 1) is the least probability of speech, ``min_volume`` (0 to 1) the least loudness; both
    must hold for ``start_secs`` before speaking has begun, and be missing for ``stop_secs`` before it has ended.
    """

    confidence: float = 0.7
    start_secs: float = 0.2
    stop_secs: float = 0.2
    min_volume: float = 0.6

    def __post_init__(self) -> None:
        for name in ("confidence", "min_volume"):
            _check_number(self, name, 0.0, 1.0)
        for name in ("start_secs", "stop_secs"):
            _check_number(self, name, 0.0, 60.0, " s")


@dataclass(frozen=True, kw_only=True)
class VideoInSourceParams(_Settings):
    """How one source of a client is captured: ``framerate`` is the most pictures a second that are handed out.

    ``on_request_only`` sets no rate: reading a picture is the request for it.
    """

    framerate: float = 30
    on_request_only: bool = False

    def __post_init__(self) -> None:
        _check_number(self, "framerate", 0.1, 240.0, " pictures/s")
        _check_switch(self, "on_request_only")


@dataclass(frozen=True, kw_only=True)
class TransportParams(_Settings):
    """Settings of a :class:`SmallWebRTCTransport`; checked, and not changed any more.

    ``*_sample_rate`` None is 48 000 Hz, what travels on the wire. ``audio_out_10ms_chunks`` is how much sound, in
    10 ms, is gathered before a stretch of it begins to play. ``audio_out_auto_silence`` sends silence while nothing
    is written; without it nothing is sent then. A picture is sent in the size it was written in unless
    ``video_out_width`` and ``video_out_height`` are given; ``video_out_framerate`` is the most that are sent a second.
    Without ``video_out_is_live`` the last picture goes on being sent, so that who comes late sees it.
    ``audio_in_stream_on_start=False`` waits for ``capture_participant_audio()``. ``vad`` detects speech: True, or
    :class:`VADParams`; ``vad_analyzer`` gives the same as an object of Pipecat's, whose ``params`` are used.
    """

    audio_in_enabled: bool = False
    audio_in_sample_rate: int | None = None
    audio_in_channels: int = 1
    audio_in_stream_on_start: bool = True
    audio_out_enabled: bool = False
    audio_out_sample_rate: int | None = None
    audio_out_channels: int = 1
    audio_out_10ms_chunks: int = 4
    audio_out_auto_silence: bool = True
    audio_out_volume: float = 1.0
    audio_out_write_timeout_secs: float = 10.0
    video_in_enabled: bool = False
    video_in_sources: Mapping[str, VideoInSourceParams] = field(default_factory=dict)
    video_out_enabled: bool = False
    video_out_is_live: bool = False
    video_out_width: int | None = None
    video_out_height: int | None = None
    video_out_framerate: float = 30
    video_out_color_format: str = "RGB"
    vad: VADParams | bool | None = None
    vad_analyzer: Any = None
    # Accepted for programs written for Pipecat; without effect here.
    audio_in_filter: Any = field(default=None, metadata={"without_effect": True})
    audio_in_passthrough: bool = field(default=True, metadata={"without_effect": True})
    audio_out_bitrate: int = field(default=96_000, metadata={"without_effect": True})
    audio_out_destinations: list[str] = field(default_factory=list, metadata={"without_effect": True})
    audio_out_end_silence_secs: float = field(default=2, metadata={"without_effect": True})
    audio_out_filter: Any = field(default=None, metadata={"without_effect": True})
    audio_out_mixer: Any = field(default=None, metadata={"without_effect": True})
    video_out_bitrate: int | None = field(default=None, metadata={"without_effect": True})
    video_out_codec: str | None = field(default=None, metadata={"without_effect": True})
    video_out_destinations: list[str] = field(default_factory=list, metadata={"without_effect": True})

    def __post_init__(self) -> None:
        for one in dataclasses.fields(self):
            if isinstance(one.default, bool):
                _check_switch(self, one.name)
        _check_sound(self)
        _check_picture(self)
        _put(self, "video_in_sources", _sources(self.video_in_sources))
        if self.video_in_sources and not self.video_in_enabled:
            raise ValueError("video_in_sources needs video_in_enabled=True")
        _put(self, "vad", _speech(self.vad, self.vad_analyzer))
        for one in dataclasses.fields(self):
            if one.metadata.get("without_effect") and getattr(self, one.name) != _default(one):
                _warn_without_effect(one.name)

    @property
    def voice(self) -> VADParams | None:
        """What ``vad`` or ``vad_analyzer`` asked for; None when speech is not to be detected."""
        return cast("VADParams | None", self.vad)

    @property
    def picture_format(self) -> PixelFormat:
        """``video_out_color_format`` as :class:`VideoFrame` has it."""
        return _FORMATS[self.video_out_color_format.upper()]

    @property
    def picture_size(self) -> tuple[int, int] | None:
        """(width, height) in pixels that pictures are scaled to, or None: as they were written."""
        width, height = self.video_out_width, self.video_out_height
        return None if width is None or height is None else (width, height)


def _check_sound(params: TransportParams) -> None:
    for way in ("in", "out"):
        if getattr(params, f"audio_{way}_sample_rate") is not None:
            _check_whole(params, f"audio_{way}_sample_rate", _SHORTEST_RATE_HZ, _HIGHEST_RATE_HZ, " Hz")
        _check_whole(params, f"audio_{way}_channels", 1, 2)
    _check_whole(params, "audio_out_10ms_chunks", 1, 100)
    _check_number(params, "audio_out_volume", 0.0, 100.0)
    _check_number(params, "audio_out_write_timeout_secs", 0.001, 3600.0, " s")


def _check_picture(params: TransportParams) -> None:
    if (params.video_out_width is None) != (params.video_out_height is None):
        raise ValueError("video_out_width and video_out_height are given together, or neither of them")
    if params.video_out_width is not None:
        for name in ("video_out_width", "video_out_height"):
            _check_whole(params, name, 2, 8192, " pixels")
    _check_number(params, "video_out_framerate", 0.1, 240.0, " pictures/s")
    if str(params.video_out_color_format).upper() not in _FORMATS:
        raise ValueError(
            f'video_out_color_format is "RGB", "BGR" or "GRAY", not {params.video_out_color_format!r}'
        )


def _sources(given: Any) -> dict[str, VideoInSourceParams]:
    if not isinstance(given, Mapping):
        raise TypeError(f"video_in_sources is a dict such as {{'camera': ...}}, not {type(given).__name__}")
    unknown = [name for name in given if name not in _SOURCES]
    if unknown:
        raise ValueError(
            f"video_in_sources has no source {unknown[0]!r}; {_hint(unknown[0], list(_SOURCES))}"
        )
    return {_SOURCES[name]: _read(VideoInSourceParams, one) for name, one in given.items()}


def _speech(vad: Any, analyzer: Any) -> VADParams | None:
    if vad is None and analyzer is not None:
        vad = getattr(analyzer, "params", analyzer)
    if vad is None or vad is False:
        return None
    return VADParams() if vad is True else _read(VADParams, vad)


def _read(kind: type[S], given: Any) -> S:
    """``given`` itself, or the same from a dict or from an object that has all the fields, as Pipecat's own do."""
    if isinstance(given, kind):
        return given
    if isinstance(given, Mapping):
        return kind(**given)
    if all(hasattr(given, name) for name in _names(kind)):
        return kind(**{name: getattr(given, name) for name in _names(kind)})
    raise TypeError(f"{kind.__name__} is wanted, or a dict of its fields, not {type(given).__name__}")


def _check_switch(settings: _Settings, name: str) -> None:
    if not isinstance(getattr(settings, name), bool):
        raise TypeError(f"{name} is True or False, not {getattr(settings, name)!r}")


def _check_whole(settings: _Settings, name: str, low: int, high: int, unit: str = "") -> None:
    value = getattr(settings, name)
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} is a whole number from {low} to {high}{unit}, not {value!r}")
    _check_number(settings, name, low, high, unit)


def _check_number(settings: _Settings, name: str, low: float, high: float, unit: str = "") -> None:
    value = getattr(settings, name)
    sentence = f"{name} is a number from {low:g} to {high:g}{unit}, not {value!r}"
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(sentence)
    if not (math.isfinite(value) and low <= value <= high):
        raise ValueError(sentence)


def _names(kind: type[Any]) -> list[str]:
    return [one.name for one in dataclasses.fields(kind)]


def _hint(name: str, names: list[str]) -> str:
    near = difflib.get_close_matches(str(name), names, n=1)
    return f"did you mean {near[0]!r}?" if near else f"there are {', '.join(names)}"


def _put(settings: _Settings, name: str, value: Any) -> None:
    object.__setattr__(settings, name, value)  # frozen for everybody else


def _default(one: dataclasses.Field[Any]) -> Any:
    return one.default if one.default_factory is dataclasses.MISSING else one.default_factory()


@functools.cache  # once a process and name
def _warn_without_effect(name: str) -> None:
    warnings.warn(f"TransportParams: {name} has no effect in this transport", stacklevel=4)
