"""What may be written to a transport: our frames, plain arrays, PyAV's frames, and Pipecat's raw ones."""

from __future__ import annotations

from typing import Any, NamedTuple

import av
import numpy as np
import numpy.typing as npt

from smallrtc_lab.frames import AudioClip, PixelFormat, Samples, VideoFrame
from smallrtc_lab.media.picture import check_picture
from smallrtc_lab.media.resample import from_av, to_float

__all__ = ["WrittenPicture", "WrittenSound", "read_picture", "read_sound"]

_RAW_PICTURES: dict[str, tuple[PixelFormat, int]] = {
    "RGB": ("rgb", 3),
    "BGR": ("bgr", 3),
    "GRAY": ("gray", 1),
    "L": ("gray", 1),
}


class WrittenSound(NamedTuple):
    """``samples`` (n, 1) or (n, 2) float32 at ``sample_rate`` Hz."""

    samples: Samples
    sample_rate: int


class WrittenPicture(NamedTuple):
    """An array as :func:`check_picture` lets it through, or a frame of PyAV's; ``time_s`` None: now."""

    image: npt.NDArray[np.uint8] | av.VideoFrame
    format: PixelFormat
    time_s: float | None

    @property
    def pixels(self) -> int:
        """How large it is."""
        if isinstance(self.image, av.VideoFrame):
            return self.image.width * self.image.height
        height, width = self.image.shape[:2]
        return int(height * width)


def read_sound(sound: Any, sample_rate: int) -> WrittenSound:
    """``sound`` as samples: an :class:`AudioClip`, or (n,) or (n, channels) int16 or float at ``sample_rate`` Hz.

    Also PyAV's frames of 16-bit samples, and what has ``audio`` (bytes of int16), ``sample_rate`` and
    ``num_channels``. Raises ``TypeError`` for another dtype, ``ValueError`` for more than two channels.
    """
    if isinstance(sound, AudioClip):
        return _checked(sound.samples, sound.sample_rate)
    if isinstance(sound, av.AudioFrame):
        return _checked(from_av(sound), sound.sample_rate)
    if isinstance(getattr(sound, "audio", None), bytes | bytearray | memoryview):
        raw = np.frombuffer(sound.audio, np.int16)
        return _checked(raw.reshape(-1, sound.num_channels), sound.sample_rate)
    return _checked(sound, sample_rate)


def read_picture(picture: Any, format: PixelFormat) -> WrittenPicture:
    """``picture`` as pixels: a :class:`VideoFrame`, or uint8 (H, W) or (H, W, 3) in the order of ``format``.

    Also PyAV's frames, and what has ``image`` (bytes), ``size`` (width, height) and ``format`` ("RGB").
    Raises as :func:`check_picture` does.
    """
    if isinstance(picture, VideoFrame):
        return WrittenPicture(check_picture(picture.image), picture.format, picture.time_s)
    if isinstance(picture, av.VideoFrame):
        return WrittenPicture(picture, format, None)
    if isinstance(getattr(picture, "image", None), bytes | bytearray | memoryview):
        return _from_raw(picture)
    return WrittenPicture(check_picture(picture), format, None)


def _checked(samples: Any, sample_rate: int) -> WrittenSound:
    array = to_float(samples)
    if array.shape[1] > 2:
        raise ValueError(
            f"sound has one or two channels, which come last, got shape {array.shape}; transpose it with .T?"
        )
    return WrittenSound(array, int(sample_rate))


def _from_raw(picture: Any) -> WrittenPicture:
    name = str(picture.format).upper()
    if name not in _RAW_PICTURES:
        raise ValueError(
            f"a raw picture's format is one of {', '.join(_RAW_PICTURES)}, not {picture.format!r}"
        )
    format, channels = _RAW_PICTURES[name]
    width, height = picture.size
    shape = (height, width) if channels == 1 else (height, width, channels)
    return WrittenPicture(check_picture(np.frombuffer(picture.image, np.uint8).reshape(shape)), format, None)
