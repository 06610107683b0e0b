"""Pictures made by arithmetic: the same index gives the same pixels, at any size and rate."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import numpy as np
import numpy.typing as npt

from smallrtc_lab.frames import Picture

from .lettering import Colour, Lettering, paste
from .timecode import TIMECODE_HEIGHT, encode_timecode

__all__ = ["BAR_COLOURS", "Bars", "NoisePictures", "Pattern", "TimecodePictures", "VideoSource"]

INK: Colour = (17, 20, 27)
PAPER: Colour = (232, 236, 242)
MUTED: Colour = (134, 146, 166)
ACCENT: Colour = (255, 138, 61)

# SMPTE EG 1: gray, yellow, cyan, green, magenta, red, blue at 75 %.
BAR_COLOURS: tuple[Colour, ...] = (
    (191, 191, 191),
    (191, 191, 0),
    (0, 191, 191),
    (0, 191, 0),
    (191, 0, 191),
    (191, 0, 0),
    (0, 0, 191),
)


class VideoSource(ABC):
    """Pictures by index; any thread may ask for any of them."""

    def __init__(self, width: int, height: int, frame_rate: float, seed: int) -> None:
        if width < 1 or height < 1 or not frame_rate > 0:
            raise ValueError(f"no picture of {width}×{height} at {frame_rate} a second")
        self.width = width
        self.height = height
        self.frame_rate = frame_rate
        self.seed = seed

    @abstractmethod
    def picture(self, index: int) -> Picture:
        """Picture number ``index`` as (height, width, 3) uint8 RGB, private."""

    def _time_text(self, index: int) -> str:
        tenths = int(index * 10 / self.frame_rate)
        return f"{tenths // 600:02}:{tenths // 10 % 60:02}.{tenths % 10}"


class Bars(VideoSource):
    """Colour bars in the upper two thirds, below them a glowing dot that swings in four seconds, and a counter.

    The bars themselves never change, so that colours can be measured in them.
    """

    SWING_S = 4.0

    def __init__(self, width: int, height: int, frame_rate: float, seed: int) -> None:
        super().__init__(width, height, frame_rate, seed)
        self._bars_end = round(height * 2 / 3)
        self._strip_end = round(height * 0.8)
        self._letters = Lettering(round(min(height * 0.075, width * 0.06)), PAPER, INK)
        self._background = self._drawn_background()
        self._dot = _glow(self._background[self._bars_end : self._strip_end, :1], width)

    def picture(self, index: int) -> Picture:
        image = self._background.copy()
        swing = 0.5 - 0.5 * math.cos(2 * math.pi * index / (self.frame_rate * self.SWING_S))
        size = self._dot.shape[1]
        paste(image, self._dot, round(swing * (self.width - size)), self._bars_end)
        text = self._letters.line(f"{self._time_text(index)}  #{index:05}")
        paste(image, text, self.width - text.shape[1] - self._margin(), self._text_top())
        return image

    def _drawn_background(self) -> Picture:
        image: Picture = np.empty((self.height, self.width, 3), np.uint8)
        bars = np.array(BAR_COLOURS, np.uint8)
        image[: self._bars_end] = bars[np.arange(self.width) * len(bars) // self.width]
        image[self._bars_end :] = INK
        middle = (self._bars_end + self._strip_end) // 2
        image[middle : middle + max(1, self.height // 240)] = (44, 50, 62)
        small = Lettering(round(min(self.height * 0.05, self.width * 0.04)), MUTED, INK)
        label = small.line("TEST PICTURE")
        paste(image, label, self._margin(), self._text_top() + (self._letters.height - label.shape[0]) // 2)
        return image

    def _margin(self) -> int:
        return self.width // 32

    def _text_top(self) -> int:
        return (self._strip_end + self.height - self._letters.height) // 2


class Pattern(VideoSource):
    """Soft colours that drift: ``seed`` makes them, and each picture is the one before moved by ``STEP`` pixels.

    A known, even motion for optical flow and motion detection.
    """

    STEP = (2, 1)  # pixels to the left and upwards, a picture
    PERIOD = 512

    def __init__(self, width: int, height: int, frame_rate: float, seed: int) -> None:
        super().__init__(width, height, frame_rate, seed)
        tile = _plasma(self.PERIOD, seed)
        tile = tile[:, np.arange(self.PERIOD + width) % self.PERIOD]
        self._texture: Picture = tile[np.arange(self.PERIOD + height) % self.PERIOD]

    def picture(self, index: int) -> Picture:
        left, top = (step * index % self.PERIOD for step in self.STEP)
        return self._texture[top : top + self.height, left : left + self.width].copy()


class TimecodePictures(VideoSource):
    """A time code to measure delays with (see :mod:`~smallrtc_lab.media.timecode`), and the same time in digits."""

    def __init__(self, width: int, height: int, frame_rate: float, seed: int) -> None:
        super().__init__(width, height, frame_rate, seed)
        self._letters = Lettering(round(min(height * 0.22, width * 0.15)), PAPER, INK)
        self._background: Picture = np.empty((height, width, 3), np.uint8)
        self._background[:] = INK
        small = Lettering(round(min(height * 0.05, width * 0.04)), MUTED, INK)
        label = small.line("TIME CODE")
        paste(self._background, label, (width - label.shape[1]) // 2, round(height * 0.78))

    def picture(self, index: int) -> Picture:
        image = self._background.copy()
        milliseconds = self.milliseconds(index)
        encode_timecode(image, milliseconds)
        seconds, rest = divmod(milliseconds, 1000)
        text = self._letters.line(f"{seconds // 60:02}:{seconds % 60:02}.{rest:03}")
        middle = round(self.height * (TIMECODE_HEIGHT + 0.25))
        paste(image, text, (self.width - text.shape[1]) // 2, middle - self._letters.height // 2)
        progress = round(self.width * rest / 1000)
        image[-max(2, self.height // 48) :, :progress] = ACCENT
        return image

    def milliseconds(self, index: int) -> int:
        """The time that picture ``index`` shows."""
        return round(index * 1000 / self.frame_rate)


class NoisePictures(VideoSource):
    """Independent random pixels: the hardest thing to compress."""

    def picture(self, index: int) -> Picture:
        rng = np.random.default_rng((self.seed, index))
        return rng.integers(0, 256, (self.height, self.width, 3), dtype=np.uint8)


def _glow(strip: Picture, most: int) -> Picture:
    """A bright disc with a halo, as high as ``strip``, a (height, 1, 3) column of what lies behind it."""
    height = len(strip)
    width = max(1, min(height, most))
    down, across = ((np.arange(size) + 0.5 - size / 2) * 2 / width for size in (height, width))
    radius: npt.NDArray[np.float64] = np.hypot(down[:, None], across[None, :])
    disc = np.clip((0.36 - radius) * width / 2 + 0.5, 0, 1)
    halo = 0.45 * np.clip(1 - radius, 0, 1) ** 2
    cover = np.maximum(disc, halo)[:, :, None]
    behind = strip.astype(float)
    blended: Picture = np.rint(behind + (np.array(ACCENT) - behind) * cover).astype(np.uint8)
    return blended


def _plasma(period: int, seed: int) -> Picture:
    """A (period, period, 3) picture that continues seamlessly at its edges: a few waves through a colour wheel."""
    rng = np.random.default_rng(seed)
    turn = 2 * np.pi * np.arange(period) / period
    field: npt.NDArray[np.float64] = np.zeros((period, period))
    for _ in range(7):
        across, down = rng.integers(-4, 5, 2)
        field += np.sin(across * turn[None, :] + down * turn[:, None] + rng.uniform(0, 2 * np.pi)) / 7
    # A palette of three shifted cosines: neighbouring colours blend, and no value is clipped.
    hue = field[:, :, None] * 2.2 + rng.uniform() + np.array([0.0, 0.22, 0.45])
    palette: Picture = np.rint(132 + 108 * np.cos(2 * np.pi * hue)).astype(np.uint8)
    return palette
