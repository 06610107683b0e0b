"""What a person gets: pictures and sound as NumPy arrays, with the time they belong to.

Every array handed out is private, writable and C-contiguous. Times are seconds since the session began;
``time_kind`` says whether a time is that of capture or of arrival.
"""

from __future__ import annotations

import base64
import io
import wave
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["AudioClip", "Gap", "PixelFormat", "TimeKind", "VideoClip", "VideoFrame"]

PixelFormat: TypeAlias = Literal["rgb", "bgr", "gray"]
TimeKind: TypeAlias = Literal["capture", "arrival"]
Picture: TypeAlias = npt.NDArray[np.uint8]
Samples: TypeAlias = npt.NDArray[np.float32]

# Shown instead of a person's picture or sound, which would be saved with the notebook.
PRIVATE_NOTE = (
    "not shown, for it would be saved with the notebook. Show it in the widget, draw it with matplotlib, "
    "or allow it with Lab(save_pictures=True)."
)


@dataclass(frozen=True, eq=False)
class VideoFrame:
    """One picture of a stream.

    ``image`` is (H, W, 3) uint8 in the order of ``format`` (RGB unless asked otherwise), or (H, W) for
    ``"gray"``. ``time_s`` is in seconds since the session began, ``sequence`` counts the frames that
    arrived from this source, dropped ones included.
    """

    image: Picture
    time_s: float = 0.0
    source: Literal["camera", "screen"] = "camera"
    sequence: int = 0
    format: PixelFormat = "rgb"
    time_kind: TimeKind = "arrival"
    shareable: bool = False
    _publish: Callable[[VideoFrame], str] | None = field(default=None, repr=False)

    @property
    def rgb(self) -> Picture:
        """(H, W, 3) uint8 RGB, a copy unless the frame is RGB already."""
        if self.format == "gray":
            colour: Picture = np.repeat(self.image[:, :, None], 3, axis=2)
            return colour
        return self.image if self.format == "rgb" else np.ascontiguousarray(self.image[:, :, ::-1])

    @property
    def bgr(self) -> Picture:
        """(H, W, 3) uint8 BGR, as OpenCV wants it."""
        return self.image if self.format == "bgr" else np.ascontiguousarray(self.rgb[:, :, ::-1])

    @property
    def gray(self) -> Picture:
        """(H, W) uint8 luma by ITU-R BT.601."""
        if self.format == "gray":
            return self.image
        weights = np.array([0.299, 0.587, 0.114], dtype=np.float32)
        luma: Picture = np.rint(self.rgb @ weights).astype(np.uint8)
        return luma

    @property
    def width(self) -> int:
        """Pixels across."""
        return int(self.image.shape[1])

    @property
    def height(self) -> int:
        """Pixels down."""
        return int(self.image.shape[0])

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> npt.NDArray[Any]:
        return _as_array(self.image, dtype, copy)

    def __repr__(self) -> str:
        return (
            f"VideoFrame({self.width}×{self.height} {self.format}, {self.source}, "
            f"sequence={self.sequence}, time_s={self.time_s:.3f})"
        )

    def _repr_png_(self) -> bytes | None:
        return self.to_png() if self.shareable else None

    def _repr_html_(self) -> str | None:
        if self.shareable:
            return None
        if self._publish is not None:
            return self._publish(self)
        return f"<i>{self!r}: {PRIVATE_NOTE}</i>"

    def to_png(self) -> bytes:
        """The picture as a PNG file."""
        from PIL import Image

        buffer = io.BytesIO()
        Image.fromarray(self.image if self.format == "gray" else self.rgb).save(
            buffer, "PNG", compress_level=1
        )
        return buffer.getvalue()


@dataclass(frozen=True, eq=False)
class VideoClip:
    """Pictures of one size: ``images`` (N, H, W, 3) or (N, H, W) uint8, ``times_s`` (N,) float64 seconds."""

    images: Picture
    times_s: npt.NDArray[np.float64]
    format: PixelFormat = "rgb"
    source: Literal["camera", "screen"] = "camera"

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        shape = "×".join(str(n) for n in self.images.shape)
        return f"VideoClip({shape} {self.format}, {self.duration_s:.2f} s)"

    @property
    def duration_s(self) -> float:
        """Seconds from the first picture to the last."""
        return float(self.times_s[-1] - self.times_s[0]) if len(self.times_s) else 0.0


@dataclass(frozen=True)
class Gap:
    """A stretch of a clip that never arrived, or was dropped; its samples are zero."""

    start_s: float
    duration_s: float


@dataclass(frozen=True, eq=False)
class AudioClip:
    """A stretch of sound: ``samples`` (n, channels) float32 in [-1, 1] at ``sample_rate`` Hz.

    ``start_s`` is the session time of the first sample in seconds. ``gaps`` lists what is missing;
    those samples are zero, so that the time axis stays true.
    """

    samples: Samples
    sample_rate: int
    start_s: float = 0.0
    gaps: tuple[Gap, ...] = ()
    time_kind: TimeKind = "arrival"
    shareable: bool = False
    _publish: Callable[[AudioClip], str] | None = field(default=None, repr=False)
    # What start_s has beyond the sender's count of samples.
    _shift_s: float = field(default=0.0, repr=False)

    @property
    def mono(self) -> Samples:
        """(n,) float32, the mean of the channels; what SciPy's last-axis functions want."""
        if self.samples.shape[1] == 1:
            return self.samples[:, 0].copy()
        return np.ascontiguousarray(self.samples.mean(axis=1, dtype=np.float32))

    @property
    def channels_first(self) -> Samples:
        """(channels, n) float32, as audio libraries that compute along the last axis expect."""
        return np.array(self.samples.T, order="C")

    @property
    def channels(self) -> int:
        """How many channels there are."""
        return int(self.samples.shape[1])

    @property
    def times_s(self) -> npt.NDArray[np.float64]:
        """(n,) float64: the session time of each sample in seconds."""
        return self.start_s + np.arange(len(self.samples)) / self.sample_rate

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.sample_rate

    def __len__(self) -> int:
        return len(self.samples)

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> npt.NDArray[Any]:
        return _as_array(self.samples, dtype, copy)

    def __repr__(self) -> str:
        channels = "mono" if self.channels == 1 else f"{self.channels} channels"
        gaps = f", {len(self.gaps)} gaps" if self.gaps else ""
        return f"AudioClip({self.duration_s:.2f} s, {self.sample_rate} Hz, {channels}{gaps})"

    def _repr_html_(self) -> str:
        if self.shareable:
            encoded = base64.b64encode(self.to_wav()).decode()
            return f'<audio controls src="data:audio/wav;base64,{encoded}"></audio>'
        if self._publish is not None:
            return self._publish(self)
        return f"<i>{self!r}: {PRIVATE_NOTE}</i>"

    def to_wav(self) -> bytes:
        """The sound as a WAV file of 16-bit samples."""
        buffer = io.BytesIO()
        with wave.open(buffer, "wb") as out:
            out.setnchannels(self.channels)
            out.setsampwidth(2)
            out.setframerate(self.sample_rate)
            scaled = np.clip(
                np.rint(np.nan_to_num(self.samples, posinf=1.0, neginf=-1.0) * 32768.0), -32768.0, 32767.0
            )
            out.writeframes(scaled.astype("<i2").tobytes())
        return buffer.getvalue()

    def between(self, start_s: float, end_s: float) -> AudioClip:
        """The part from ``start_s`` to ``end_s`` (session seconds) as a clip of its own."""
        first, last = (
            min(max(0, round((at_s - self.start_s) * self.sample_rate)), len(self.samples))
            for at_s in (start_s, max(start_s, end_s))
        )
        start_s, end_s = (self.start_s + position / self.sample_rate for position in (first, last))
        return replace(
            self,
            samples=self.samples[first:last].copy(),
            start_s=start_s,
            gaps=tuple(_within(self.gaps, start_s, end_s)),
        )


def _within(gaps: tuple[Gap, ...], start_s: float, end_s: float) -> Iterator[Gap]:
    for gap in gaps:
        first_s, last_s = max(gap.start_s, start_s), min(gap.start_s + gap.duration_s, end_s)
        if first_s < last_s:
            yield Gap(first_s, last_s - first_s)


def _as_array(array: npt.NDArray[Any], dtype: npt.DTypeLike | None, copy: bool | None) -> npt.NDArray[Any]:
    """What ``__array__`` owes NumPy 2: a copy if asked, none if forbidden, else only where the dtype needs one."""
    if copy is None:
        return np.asarray(array, dtype=dtype)
    return np.array(array, dtype=dtype, copy=copy)
