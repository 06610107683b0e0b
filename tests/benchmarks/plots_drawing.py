"""What a picture of a plot costs: computing and drawing it, encoding it, and drawing the whole figure instead."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from smallrtc_lab.engine.plotting.source import FrameShot
from smallrtc_lab.engine.subscriptions import TimedFrame
from smallrtc_lab.media.convert import Reformatter, from_picture
from smallrtc_lab.plots.drawing import Drawing, Moment, Shot
from smallrtc_lab.plots.jpeg import to_jpeg
from smallrtc_lab.plots.making import make_drawing
from smallrtc_lab.plots.options import KINDS
from smallrtc_lab.plots.still import StillSound

_RATE = 48000
_FPS = 30
_PICTURES = 90
_FIELDS = ("time_s", "fps", "delay_ms", "received_bps")
_QUALITY = 80


async def plots_drawing() -> None:
    print(
        f"\nDrawing a plot of 640×320, ms of one core a picture ({_FPS}/s of live sound and pictures; median)\n"
    )
    print(f"{'kind':<13}{'ratio':<7}{'draw':>8}{'JPEG':>8}{'cores at 30/s':>15}{'kB':>8}{'whole figure':>14}")
    sound, shots = _sound(), _shots()
    for kind in KINDS:
        for ratio in (1.0, 2.0):
            drawing = make_drawing(kind, {})
            drawing.resize(640, 320, ratio)
            print(_row(kind, ratio, *_measured(drawing, ratio, sound, shots)), flush=True)


def _measured(
    drawing: Drawing, ratio: float, sound: StillSound, shots: list[Shot]
) -> tuple[float, float, float, float]:
    """Milliseconds of a draw and of its JPEG, kB, and milliseconds of a first draw, of everything."""
    first_ms = _timed(lambda: drawing.draw(sound, _moment(0, shots)))[0]
    draws_ms, jpegs_ms, sizes = [], [], []
    for n in range(1, _PICTURES):
        moment = _moment(n, shots)
        draw_ms, pixels = _timed(lambda moment=moment: drawing.draw(sound, moment))
        if pixels is not None:
            jpeg_ms, jpeg = _timed(lambda pixels=pixels: to_jpeg(pixels, _QUALITY, ratio))
            draws_ms.append(draw_ms)
            jpegs_ms.append(jpeg_ms)
            sizes.append(len(jpeg) / 1000)
    return statistics.median(draws_ms), statistics.median(jpegs_ms), statistics.median(sizes), first_ms


def _row(kind: str, ratio: float, draw_ms: float, jpeg_ms: float, size: float, first_ms: float) -> str:
    cores = (draw_ms + jpeg_ms) * _FPS / 1000
    return f"{kind:<13}{ratio:<7g}{draw_ms:8.2f}{jpeg_ms:8.2f}{cores:15.3f}{size:8.1f}{first_ms:14.1f}"


def _timed(run: Callable[[], Any]) -> tuple[float, Any]:
    start = time.thread_time()  # of this thread alone, whatever else the machine does
    done = run()
    return 1000 * (time.thread_time() - start), done


def _moment(n: int, shots: list[Shot]) -> Moment:
    seconds = 12 + n / _FPS
    rows = np.zeros(120, [(name, float) for name in _FIELDS])
    rows["time_s"] = seconds - np.arange(120)[::-1] / 2
    rows["fps"], rows["delay_ms"], rows["received_bps"] = 30, 60 + 5 * np.sin(rows["time_s"]), 1.2e6
    return Moment(seconds, round(seconds * _RATE), {"camera": shots[n % len(shots)]}, rows)


def _sound() -> StillSound:
    """A voice-like glide with noise."""
    times_s = np.arange(_RATE * 16) / _RATE
    phase = 2 * np.pi * np.cumsum(200 + 60 * np.sin(2.5 * times_s)) / _RATE
    voice = sum(np.sin(k * phase) * 0.3 / k for k in range(1, 20)) * np.clip(np.sin(4 * times_s), 0, 1)
    noise = np.random.default_rng(0).normal(0, 0.001, len(times_s))
    mono = (voice + noise).astype(np.float32)
    return StillSound(np.stack([mono, mono], axis=1), _RATE)


def _shots() -> list[Shot]:
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:480, :640]
    smooth = np.stack([columns * 0.4, rows * 0.5, 255 - columns * 0.3], axis=2)
    reformatter = Reformatter()
    frames = [
        from_picture((smooth + rng.normal(0, 6, smooth.shape)).clip(0, 255).astype(np.uint8))
        for _ in range(_PICTURES)
    ]
    return [FrameShot(TimedFrame(frame, n, n / _FPS, 0.0), reformatter) for n, frame in enumerate(frames)]


if __name__ == "__main__":
    asyncio.run(plots_drawing())
