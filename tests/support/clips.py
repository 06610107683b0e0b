"""Files of pictures and sound whose content is known: a colour and a tone for each half second."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

__all__ = ["COLOURS", "HALF_S", "TONES_HZ", "colour_at", "write_clip"]

HALF_S = 0.5
COLOURS = ((200, 30, 30), (30, 200, 30), (30, 30, 200), (200, 200, 30))  # RGB
TONES_HZ = (400.0, 600.0, 800.0, 1000.0)
RATE_HZ = 44_100


def colour_at(time_s: float) -> tuple[int, int, int]:
    """The colour that is seen then; the clip begins anew every two seconds."""
    return COLOURS[int(time_s / HALF_S) % len(COLOURS)]


def write_clip(
    path: Path,
    *,
    seconds: float = 2.0,
    frame_rate: int = 25,
    size: tuple[int, int] = (160, 120),
    video: str | None = "libx264",
    audio: str | None = "aac",
) -> Path:
    """Write it; colours and tones change at the same moments."""
    with av.open(str(path), "w") as container:
        streams = [_video(container, video, frame_rate, size)] if video else []
        sound = _audio(container, audio) if audio else None
        for index in range(round(seconds * frame_rate) if video else 0):
            image = np.empty((size[1], size[0], 3), np.uint8)
            image[:] = colour_at(index / frame_rate)
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, frame_rate)
            container.mux(streams[0].encode(frame))
        if sound is not None:
            _encode_sound(container, sound, seconds)
        for stream in streams:
            container.mux(stream.encode(None))
    return path


def _video(container, codec, frame_rate, size):  # type: ignore[no-untyped-def]
    stream = container.add_stream(codec, rate=frame_rate)
    stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
    stream.gop_size = 10
    stream.bit_rate = 400_000
    return stream


def _audio(container, codec):  # type: ignore[no-untyped-def]
    rate = 48_000 if codec == "libopus" else RATE_HZ
    return container.add_stream(codec, rate=rate, layout="stereo")


def _encode_sound(container, stream, seconds: float) -> None:  # type: ignore[no-untyped-def]
    rate = stream.rate
    times_s = np.arange(round(seconds * rate)) / rate
    hz = np.take(TONES_HZ, (times_s / HALF_S).astype(int) % len(TONES_HZ))
    tone = (0.5 * np.sin(2 * np.pi * hz * times_s)).astype(np.float32)
    resampler = av.AudioResampler(format=stream.format.name, layout="stereo", rate=rate, frame_size=960)
    whole = av.AudioFrame.from_ndarray(np.repeat(tone, 2)[None, :], format="flt", layout="stereo")
    whole.sample_rate, whole.pts, whole.time_base = rate, 0, Fraction(1, rate)
    for frame in (*resampler.resample(whole), *resampler.resample(None)):
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))
