"""Sound and pictures for tests of plots."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from smallrtc_lab.plots.drawing import Moment
from smallrtc_lab.plots.still import StillShot, StillSound

__all__ = ["RATE", "gradient", "moment", "noise", "statistics", "tone"]

RATE = 48000


def noise(seconds: float = 3.0, gaps: Sequence[tuple[int, int]] = (), start: int = 0) -> StillSound:
    """Two channels of noise, the same each time; ``gaps`` (position, length) are zero, as in a ring."""
    rng = np.random.default_rng(7)
    samples = rng.normal(0, 0.1, (round(seconds * RATE), 2)).astype(np.float32)
    for position, length in gaps:
        samples[position - start : position - start + length] = 0
    return StillSound(samples, RATE, start, 100.0 + start / RATE, gaps)


def tone(hz: float, amplitude: float = 1.0, seconds: float = 2.0) -> StillSound:
    """A sine, the same in both channels."""
    wave = amplitude * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE)
    return StillSound(np.stack([wave, wave], axis=1).astype(np.float32), RATE)


def moment(sound: StillSound, end: int | None = None, **more: object) -> Moment:
    """The moment at which ``end`` samples have come; by default all."""
    end = sound.end if end is None else end
    return Moment(sound.time_s(end), end, **more)  # type: ignore[arg-type]


def gradient(width: int = 640, height: int = 480, sequence: int = 0) -> StillShot:
    """A picture in which every pixel's neighbours differ from it; ``sequence`` seconds into the session."""
    rows, columns = np.mgrid[:height, :width]
    image = np.stack([columns % 256, rows % 256, (columns + rows + sequence) % 256], axis=2)
    return StillShot(image.astype(np.uint8), sequence, float(sequence))


def statistics(seconds: float, rows: int = 20) -> np.ndarray:
    """Rows of figures, two a second, the newest at ``seconds``; ``rtt_ms`` is never known."""
    table = np.zeros(rows, [(name, np.float64) for name in ("time_s", "fps", "delay_ms", "rtt_ms")])
    table["time_s"] = seconds - np.arange(rows)[::-1] / 2
    table["fps"], table["delay_ms"], table["rtt_ms"] = 30 + np.arange(rows) % 2, 50, np.nan
    return table
