"""Sound at another sample rate or number of channels, as a stream or as a whole array, by libswresample.

A :class:`Resampler` keeps the time axis: output sample ``k`` belongs to ``k / out_rate`` seconds after the
first sample pushed, however the input is cut into chunks; the filter looks ahead, so the newest few
milliseconds come with the next push, or with ``flush``.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import av
import numpy as np
import numpy.typing as npt

from smallrtc_lab.frames import Samples

__all__ = ["Int16", "Resampler", "from_av", "resample", "to_float", "to_int16"]

Int16: TypeAlias = npt.NDArray[np.int16]

# Taps of the filter at the lower of the two rates. Twice swresample's default keeps 3.4 kHz whole at a rate
# of 8 kHz (the default loses 1.4 %), and costs 4 ms there, 0.7 ms between 44.1 and 48 kHz.
FILTER_TAPS = 64
FULL_SCALE = 32768.0


class Resampler:
    """A stream of float32 samples from one rate and number of channels to others; not thread-safe.

    Many channels to one is their mean, one to many are copies; other changes of number raise ``ValueError``.
    """

    def __init__(self, in_rate: int, out_rate: int, in_channels: int, out_channels: int) -> None:
        if min(in_rate, out_rate, in_channels, out_channels) < 1:
            raise ValueError("sample rates and channels are at least 1")
        if in_channels != out_channels and 1 not in (in_channels, out_channels):
            raise ValueError(f"cannot turn {in_channels} channels into {out_channels}; only to or from one")
        self.in_rate = in_rate
        self.out_rate = out_rate
        self.in_channels = in_channels
        self.out_channels = out_channels
        self._reset()

    @property
    def delay_s(self) -> float:
        """Seconds of sound that were pushed and have not come out yet."""
        return self._pushed / self.in_rate - self._returned / self.out_rate

    def push(self, samples: Samples) -> Samples:
        """(n, in_channels) float32 in, (m, out_channels) float32 out: private, C-contiguous; m may be 0."""
        if samples.ndim != 2 or samples.shape[1] != self.in_channels:
            raise ValueError(f"samples have shape (n, {self.in_channels}), got {samples.shape}")
        self._pushed += len(samples)
        converted = self._convert(_with_channels(samples, min(self.in_channels, self.out_channels)))
        self._returned += len(converted)
        return self._finish(converted)

    def flush(self) -> Samples:
        """What is still inside, (m, out_channels) float32; after it the next push begins a new stream.

        In all, n pushed samples give ``round(n * out_rate / in_rate)``.
        """
        missing = _scaled(self._pushed, self.out_rate, self.in_rate) - self._returned
        # Silence pushes the rest through the filter: swresample's own flush loses very short input.
        reach = 2 * FILTER_TAPS * (1 + max(self.in_rate, self.out_rate) // self.out_rate)
        channels = min(self.in_channels, self.out_channels)
        rest = self._convert(np.zeros((reach, channels), np.float32))[:missing]
        self._reset()
        return self._finish(rest)

    def _reset(self) -> None:
        self._pushed = 0
        self._returned = 0
        self._stage: av.AudioResampler | None = None
        if self.in_rate != self.out_rate:
            self._stage = av.AudioResampler(rate=self.out_rate, options={"filter_size": str(FILTER_TAPS)})

    def _convert(self, samples: Samples) -> Samples:
        if self._stage is None or not len(samples):
            return samples
        channels = samples.shape[1]
        packed = np.ascontiguousarray(samples, np.float32).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(packed, format="flt", layout=_layout(channels))
        frame.sample_rate = self.in_rate
        pieces = [piece.to_ndarray().reshape(-1, channels) for piece in self._stage.resample(frame)]
        return np.concatenate(pieces) if pieces else np.empty((0, channels), np.float32)

    def _finish(self, samples: Samples) -> Samples:
        if samples.shape[1] != self.out_channels:
            return np.repeat(samples, self.out_channels, axis=1)
        return np.array(samples, np.float32, order="C")


def resample(samples: npt.ArrayLike, in_rate: int, out_rate: int, out_channels: int) -> Samples:
    """A whole (n,) or (n, channels) array at another rate, (round(n * out_rate / in_rate), out_channels)."""
    whole = to_float(samples)
    stage = Resampler(in_rate, out_rate, whole.shape[1], out_channels)
    return np.concatenate((stage.push(whole), stage.flush()))


def from_av(frame: av.AudioFrame) -> Int16:
    """The samples of an s16 (packed or planar) frame, as (n, channels) int16, a private copy."""
    if frame.format.name == "s16":  # what every decoder of aiortc gives: straight from its plane
        count, channels = frame.samples, frame.layout.nb_channels
        packed: Int16 = np.frombuffer(memoryview(frame.planes[0]), np.int16, count * channels)
        return packed.reshape(count, channels).copy()
    if frame.format.name != "s16p":
        raise ValueError(f"expected an audio frame of 16-bit samples, got {frame.format.name}")
    return np.array(frame.to_ndarray().T, np.int16, order="C")


def to_float(samples: npt.ArrayLike) -> Samples:
    """(n,) or (n, channels) of int16, float32 or float64 as (n, channels) float32; full scale is ±1."""
    array: npt.NDArray[Any] = np.asarray(samples)
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or array.shape[1] < 1:
        raise ValueError(f"sound has shape (n,) or (n, channels), got {array.shape}")
    if array.dtype == np.int16:
        scaled: Samples = np.multiply(array, np.float32(1.0 / FULL_SCALE), dtype=np.float32, order="C")
        return scaled
    if array.dtype.kind != "f":
        raise TypeError(f"sound is float32, float64 or int16, got {array.dtype}")
    return array.astype(np.float32, order="C")


def to_int16(samples: npt.NDArray[np.floating[Any]]) -> Int16:
    """Floats of full scale ±1 as int16 of the same shape, rounded and clipped; NaN becomes 0."""
    scaled: npt.NDArray[np.floating[Any]] = np.multiply(samples, FULL_SCALE)
    np.rint(scaled, out=scaled)
    np.clip(scaled, -32768.0, 32767.0, out=scaled)
    if np.isnan(scaled).any():
        np.nan_to_num(scaled, copy=False)
    rounded: Int16 = scaled.astype(np.int16)
    return rounded


def _with_channels(samples: Samples, channels: int) -> Samples:
    if samples.shape[1] == channels:
        return samples
    mean: Samples = np.mean(samples, axis=1, dtype=np.float32, keepdims=True)
    return mean


def _layout(channels: int) -> str:
    return {1: "mono", 2: "stereo"}.get(channels, f"{channels} channels")


def _scaled(count: int, numerator: int, denominator: int) -> int:
    """``round(count * numerator / denominator)`` in whole numbers, halves up."""
    return (2 * count * numerator + denominator) // (2 * denominator)
