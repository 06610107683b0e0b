"""``lab.simulate()``: a browser of our own in the place of a person's."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from typing import Any

from .access import Access
from .options import VIDEO_DEFAULTS, check_keywords, whole

__all__ = ["Simulation", "simulation"]


class Simulation:
    """A part of :class:`~smallrtc_lab.Lab`."""

    _access: Access

    def simulate(
        self, video: str | None = "bars", audio: str | None = "tone", *, seed: int = 0, **options: Any
    ) -> None:
        """No camera: a browser of our own sends synthetic pictures and sound through real WebRTC.

        ``video`` is "bars", "pattern", "timecode" or "noise" (with ``width``, ``height``, ``frame_rate``), ``audio`` is
        "tone" (with ``hz``, ``amplitude``), "chirp" (``from_hz``, ``to_hz``, ``seconds``), "noise" (``kind``), "speech"
        (``pitch_hz``) or "silence"; None leaves a kind out. The same ``seed`` gives the same again. Either may be a
        file, of any format that PyAV reads; it is repeated without end, and from one file both are in step.
        ``smallrtc_lab.signals`` has the same as arrays.

        Raises :class:`ValueError` for a source that does not exist, :class:`TypeError` for an option it has not, and
        :class:`MediaFileError` for a file that cannot be read.

        >>> lab.simulate(video="bars", audio="tone", hz=440)
        >>> lab.simulate(video="clip.mp4", audio="clip.mp4")
        """
        sources = simulation(video, audio, seed, options)
        self._access.revive()
        self._access.call("simulate", timeout_s=30.0, video=sources["video"], audio=sources["audio"])


def simulation(
    video: str | None, audio: str | None, seed: int, options: Mapping[str, Any]
) -> dict[str, dict[str, Any] | None]:
    """The engine's ``simulate`` arguments: a source's name and options each, checked, or None without that kind.

    Raises :class:`ValueError` for a source that does not exist and :class:`TypeError` for an option it has not.
    """
    from smallrtc_lab.media.synthetic import AUDIO_SOURCES, VIDEO_SOURCES, option_names, video_source

    for_video = {k: options[k] for k in VIDEO_DEFAULTS if k in options}
    for_audio = {k: v for k, v in options.items() if k not in for_video}
    video_file, audio_file = _file(video, VIDEO_SOURCES), _file(audio, AUDIO_SOURCES)
    of_sound = option_names(audio) if audio in AUDIO_SOURCES else list(for_audio)
    if audio is None or audio_file is not None:
        of_sound = []
    check_keywords(for_audio, ["video", "audio", *VIDEO_DEFAULTS, *of_sound, "seed"], "simulate()")
    seed = whole("seed", seed)
    if video is not None:
        picture = VIDEO_DEFAULTS | for_video
        if video_file is None:
            video_source(video, 2, 2)  # for the name; the rest is checked with a source that draws nothing
        video_source("noise", picture["width"], picture["height"], picture["frame_rate"])
    return {
        "video": None if video is None else _named(video, video_file, seed) | for_video,
        "audio": None if audio is None else _checked_sound(audio, audio_file, seed, for_audio),
    }


def _checked_sound(audio: str, file: str | None, seed: int, options: Mapping[str, Any]) -> dict[str, Any]:
    from smallrtc_lab.media.synthetic import audio_source

    if file is None:
        audio_source(audio, 48000, 2, seed, **options)
    return _named(audio, file, seed) | dict(options)


def _named(name: str, file: str | None, seed: int) -> dict[str, Any]:
    return {"name": name, "seed": seed} if file is None else {"file": file}


def _file(name: str | os.PathLike[str] | None, sources: Collection[str]) -> str | None:
    """The absolute path of what is no source's name and looks like a file, as the kernel sees it; else None."""
    if name is None or name in sources:
        return None
    path = os.path.expanduser(os.fspath(name))
    looks = os.path.splitext(path)[1] or os.path.dirname(path) or os.path.exists(path)
    return os.path.abspath(path) if looks else None
