"""What a plot is drawn from, what it gives, and how one is made; light: matplotlib is loaded with the first plot.

    drawing = make_drawing("spectrogram", {"fmax_hz": 4000})
    drawing.resize(640, 320, ratio=2.0, theme="dark")
    pixels = drawing.draw(sound, moment)            # None when it would look the same
    jpeg = to_jpeg(pixels, 80)                      # plots/jpeg.py

A Drawing belongs to one thread at a time; drawings share nothing, so that each may have a thread of its own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = [
    "Arrays",
    "Drawing",
    "Moment",
    "Pixels",
    "Reading",
    "Shot",
    "Sound",
    "Theme",
]

Pixels: TypeAlias = npt.NDArray[np.uint8]
Arrays: TypeAlias = dict[str, npt.NDArray[Any]]
Theme: TypeAlias = Literal["light", "dark"]
Float32: TypeAlias = npt.NDArray[np.float32]


class Sound(Protocol):
    """The last seconds of a sound, addressed by samples since the session began; as ``AudioRing`` has them.

    ``start`` is the oldest position that can be read, ``end`` the one behind the newest.
    """

    @property
    def sample_rate(self) -> int: ...

    @property
    def start(self) -> int: ...

    @property
    def end(self) -> int: ...

    def read(self, position: int, n: int) -> tuple[Float32, Sequence[tuple[int, int]]]:
        """(n, channels) float32 of full scale ±1 from ``position`` on, and (position, length) of what is missing.

        What is missing reads as zero; so does what lies before ``start`` or behind ``end``, which is missing, too.
        """
        ...

    def time_s(self, position: float) -> float:
        """When the sample at ``position`` was recorded, in seconds of the session."""
        ...


class Shot(Protocol):
    """One picture of a source: ``sequence`` tells it from the one before, ``time_s`` is in session seconds."""

    @property
    def sequence(self) -> int: ...

    @property
    def time_s(self) -> float: ...

    @property
    def width(self) -> int: ...

    @property
    def height(self) -> int: ...

    def rgb(self, width: int, height: int) -> Pixels:
        """(height, width, 3) uint8 RGB, scaled where that is not its own size."""
        ...


@dataclass(frozen=True)
class Moment:
    """What "now" is, one for all plots, so that frozen ones show the same samples.

    ``end`` is the position behind the newest sample that counts, whatever has come since; ``time_s`` is in session
    seconds; ``shots`` has the newest picture of each source (``"camera"``, ``"screen"``, ``"sent"``); ``statistics``
    is a structured array as of ``lab.stats_history()``, with ``time_s`` and fields of floats.
    """

    time_s: float
    end: int = 0
    shots: Mapping[str, Shot] = field(default_factory=dict)
    statistics: npt.NDArray[Any] | None = None


@dataclass(frozen=True)
class Reading:
    """What is under the mouse: ``x``, ``y`` and ``value`` are elements of the drawing's arrays, ``text`` says them.

    ``value`` is a tuple for a picture's colours. Times are session seconds.
    """

    x: float
    y: float
    value: float | tuple[float, ...]
    text: str


class Drawing(ABC):
    """One plot in one size.

    ``kind`` is one of :data:`smallrtc_lab.plots.options.KINDS`; ``options`` are all of them, checked.
    """

    kind: str

    @abstractmethod
    def set(self, options: Mapping[str, Any]) -> None:
        """Change some options from the next draw on. Raises as :func:`~.options.checked` does."""

    @abstractmethod
    def resize(self, width: int, height: int, ratio: float = 1.0, theme: Theme = "light") -> None:
        """CSS pixels, device pixels for each of them (0.5 to 4), and the theme of the page, for ``style=None``."""

    @abstractmethod
    def mark(self, marks: Iterable[Mapping[str, Any]]) -> None:
        """Draw these lines from now on, and no others; see :func:`~.options.checked_marks`."""

    @abstractmethod
    def draw(self, sound: Sound | None, moment: Moment) -> Pixels | None:
        """(height · ratio, width · ratio, 4) uint8 RGBX, or None when it would look the same as last time.

        The array is the drawing's own and changes with the next draw: encode or copy it before that. The fourth
        value of a pixel is always 255 (Pillow's RGBX, which needs no conversion).
        """

    @abstractmethod
    def value_at(self, x_px: float, y_px: float) -> Reading | None:
        """What the picture drawn last shows at a point in CSS pixels, or None where it shows nothing."""

    @abstractmethod
    def arrays(self) -> Arrays:
        """Copies of what the picture drawn last shows; empty before anything came. Names by kind, see each class."""
