"""Test signals as clips: the same samples and pixels that ``lab.simulate`` sends, for cells, tests and teaching.

One rule: what is heard comes as an :class:`AudioClip`, what is seen as a :class:`VideoClip`, both from time 0, both
the same every time for the same arguments. Sound is mono float32 in [-1, 1] at 48 kHz, pictures are 640×480 RGB at
30 a second, unless asked otherwise. Clips go into ``lab.replay`` and ``lab.play`` as they are, and NumPy takes them.

>>> from smallrtc_lab import signals
>>> signals.tone(440, seconds=2).mono
>>> signals.bars(width=320, height=240).images[0]
>>> signals.read_timecode(lab.video.latest())
"""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Callable
from typing import Any, Literal, ParamSpec, TypeVar

import numpy as np
import numpy.typing as npt

from .frames import AudioClip, VideoClip
from .media.synthetic import audio_source, video_source
from .media.timecode import decode_timecode, encode_timecode

__all__ = [
    "bars",
    "chirp",
    "noise",
    "noise_pictures",
    "pattern",
    "read_timecode",
    "silence",
    "speech",
    "timecode",
    "tone",
    "write_timecode",
]

P = ParamSpec("P")
T = TypeVar("T")


def _checks_keywords(function: Callable[P, T]) -> Callable[P, T]:
    """Decorator: a wrong keyword raises :class:`TypeError` that names the nearest right one."""
    known = list(inspect.signature(function).parameters)

    @functools.wraps(function)
    def checked(*args: P.args, **keywords: P.kwargs) -> T:
        for name in keywords:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
                raise TypeError(f"signals.{function.__name__}() has no keyword {name!r}; {hint}")
        return function(*args, **keywords)

    return checked


@_checks_keywords
def tone(
    hz: float = 440.0,
    seconds: float = 1.0,
    sample_rate: int = 48_000,
    *,
    amplitude: float = 0.5,
    channels: int = 1,
) -> AudioClip:
    """A sine of ``hz`` that begins at phase zero.

    >>> signals.tone(1000, seconds=0.5).mono.max()
    """
    return _sound("tone", seconds, sample_rate, channels, hz=hz, amplitude=amplitude)


@_checks_keywords
def chirp(
    from_hz: float = 100.0,
    to_hz: float = 3000.0,
    seconds: float = 4.0,
    sample_rate: int = 48_000,
    *,
    amplitude: float = 0.5,
    channels: int = 1,
) -> AudioClip:
    """A tone that glides evenly from ``from_hz`` to ``to_hz``.

    >>> signals.chirp(100, 8000, seconds=2)
    """
    options = {"from_hz": from_hz, "to_hz": to_hz, "seconds": seconds, "amplitude": amplitude}
    return _sound("chirp", seconds, sample_rate, channels, **options)


@_checks_keywords
def noise(
    seconds: float = 1.0,
    sample_rate: int = 48_000,
    *,
    kind: Literal["white", "pink"] = "white",
    amplitude: float = 0.3,
    channels: int = 1,
    seed: int = 0,
) -> AudioClip:
    """Noise with ``amplitude`` as its peak, another one in each channel: white, or pink (its power falls as 1/f).

    >>> signals.noise(2, kind="pink", seed=3)
    """
    return _sound("noise", seconds, sample_rate, channels, seed, kind=kind, amplitude=amplitude)


@_checks_keywords
def speech(
    seconds: float = 8.0,
    sample_rate: int = 48_000,
    *,
    pitch_hz: float = 120.0,
    amplitude: float = 0.5,
    channels: int = 1,
    seed: int = 0,
) -> AudioClip:
    """Sentences without words: gliding vowels with pauses, which voice activity hears; repeats after 8 s.

    >>> signals.speech(4, pitch_hz=180)
    """
    return _sound("speech", seconds, sample_rate, channels, seed, pitch_hz=pitch_hz, amplitude=amplitude)


@_checks_keywords
def silence(seconds: float = 1.0, sample_rate: int = 48_000, *, channels: int = 1) -> AudioClip:
    """Zeros.

    >>> signals.silence(0.5)
    """
    return _sound("silence", seconds, sample_rate, channels)


@_checks_keywords
def bars(
    seconds: float = 1.0, *, width: int = 640, height: int = 480, frame_rate: float = 30.0, seed: int = 0
) -> VideoClip:
    """Colour bars that never change, and below them a dot that swings and a counter.

    >>> signals.bars(width=320, height=240).images[0]
    """
    return _pictures("bars", seconds, width, height, frame_rate, seed)


@_checks_keywords
def pattern(
    seconds: float = 1.0, *, width: int = 640, height: int = 480, frame_rate: float = 30.0, seed: int = 0
) -> VideoClip:
    """Soft colours that drift two pixels to the left and one upwards a picture: a known motion; ``seed`` makes them.

    >>> signals.pattern(2, seed=7)
    """
    return _pictures("pattern", seconds, width, height, frame_rate, seed)


@_checks_keywords
def timecode(
    seconds: float = 1.0, *, width: int = 640, height: int = 480, frame_rate: float = 30.0, seed: int = 0
) -> VideoClip:
    """Pictures that show their own time, in digits and as blocks that :func:`read_timecode` reads.

    >>> signals.read_timecode(signals.timecode(2).images[30])
    1.0
    """
    return _pictures("timecode", seconds, width, height, frame_rate, seed)


@_checks_keywords
def noise_pictures(
    seconds: float = 1.0, *, width: int = 640, height: int = 480, frame_rate: float = 30.0, seed: int = 0
) -> VideoClip:
    """Independent random pixels: the hardest thing to compress.

    >>> signals.noise_pictures(0.2)
    """
    return _pictures("noise", seconds, width, height, frame_rate, seed)


def read_timecode(picture: Any) -> float | None:
    """The time in seconds that a time code in ``picture`` shows, to the millisecond; None without a legible one.

    ``picture`` is a ``VideoFrame``, or (H, W) or (H, W, 3) uint8; scaling and video codecs do no harm to it.

    >>> signals.read_timecode(lab.video.latest())
    """
    milliseconds = decode_timecode(np.asarray(picture))
    return None if milliseconds is None else milliseconds / 1000


def write_timecode(image: npt.NDArray[np.uint8], seconds: float) -> None:
    """Draw a time code into the top 30 % of ``image``, (H, W) or (H, W, 3) uint8, in place.

    Raises :class:`TypeError` for another kind of picture, which could not be read again.

    >>> signals.write_timecode(image, time.monotonic())
    """
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim not in (2, 3):
        raise TypeError("a time code is drawn into an array of uint8, (H, W) or (H, W, 3)")
    encode_timecode(image, round(seconds * 1000))


def _sound(
    name: str, seconds: float, sample_rate: int, channels: int, seed: int = 0, /, **options: Any
) -> AudioClip:
    source = audio_source(name, sample_rate, channels, seed, **options)
    samples = source.samples(0, _count(seconds, sample_rate))
    return AudioClip(samples, sample_rate, time_kind="capture", shareable=True)


def _pictures(name: str, seconds: float, width: int, height: int, frame_rate: float, seed: int) -> VideoClip:
    source = video_source(name, width, height, frame_rate, seed)
    count = max(1, _count(seconds, frame_rate))
    images = np.empty((count, height, width, 3), np.uint8)
    for index in range(count):
        images[index] = source.picture(index)
    return VideoClip(images, np.arange(count) / frame_rate)


def _count(seconds: float, rate_hz: float) -> int:
    if not seconds > 0:
        raise ValueError(f"seconds is a positive number, not {seconds!r}")
    return round(seconds * rate_hz)
