"""Test pictures and sounds by name; deterministic by seed."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterable
from typing import Any

from .synthetic_audio import AudioSource, Chirp, NoiseSound, Silence, Speech, Tone
from .synthetic_video import Bars, NoisePictures, Pattern, TimecodePictures, VideoSource
from .timecode import decode_timecode, encode_timecode

__all__ = [
    "AUDIO_SOURCES",
    "VIDEO_SOURCES",
    "AudioSource",
    "VideoSource",
    "audio_source",
    "decode_timecode",
    "encode_timecode",
    "video_source",
]

VIDEO_SOURCES: dict[str, type[VideoSource]] = {
    "bars": Bars,
    "pattern": Pattern,
    "timecode": TimecodePictures,
    "noise": NoisePictures,
}
AUDIO_SOURCES: dict[str, type[AudioSource]] = {
    "tone": Tone,
    "chirp": Chirp,
    "noise": NoiseSound,
    "speech": Speech,
    "silence": Silence,
}


def video_source(name: str, width: int, height: int, frame_rate: float = 30.0, seed: int = 0) -> VideoSource:
    """The video source called ``name``; ``ValueError`` names the nearest one when there is none."""
    if name not in VIDEO_SOURCES:
        raise ValueError(_no_such("video source", name, VIDEO_SOURCES))
    return VIDEO_SOURCES[name](width, height, frame_rate, seed)


def audio_source(
    name: str, sample_rate: int, channels: int = 1, seed: int = 0, **options: Any
) -> AudioSource:
    """The audio source called ``name`` with its options, such as ``hz`` and ``amplitude`` of ``"tone"``.

    ``ValueError`` names the nearest source when there is none, ``TypeError`` the nearest option.
    """
    if name not in AUDIO_SOURCES:
        raise ValueError(_no_such("audio source", name, AUDIO_SOURCES))
    known = option_names(name)
    for option in options:
        if option not in known:
            raise TypeError(_no_such(f'option of "{name}"', option, known))
    return AUDIO_SOURCES[name](sample_rate, channels, seed, **options)


def option_names(name: str) -> list[str]:
    """The options of the audio source called ``name``."""
    parameters = inspect.signature(AUDIO_SOURCES[name]).parameters.values()
    return [parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY]


def _no_such(what: str, name: str, known: Iterable[str]) -> str:
    there_are = list(known)
    near = difflib.get_close_matches(name, there_are, n=1, cutoff=0.5)
    hint = f'; did you mean "{near[0]}"?' if near else ""
    listed = ", ".join(f'"{each}"' for each in there_are) if there_are else "none"
    return f'there is no {what} called "{name}"{hint} (there are: {listed})'
