"""Encoded pictures and sound as a session's taps hand them on, made by real encoders from known content."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
import numpy as np

from smallrtc_lab.media.encoded import EncodedPacket, TimedPacket
from smallrtc_lab.relay.codecs import JpegEncoder

__all__ = ["FLASH_S", "flashes_and_beeps", "pictures", "sound", "timed"]

FLASH_S = 1.0  # a white picture and a beep once a second
_CODECS = {"VP8": "libvpx", "H264": "libx264"}
_OPTIONS = {
    "VP8": {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"},
    "H264": {"preset": "ultrafast", "tune": "zerolatency"},
}


def pictures(
    count: int, *, codec: str = "VP8", size: tuple[int, int] = (160, 120), rate_hz: int = 30
) -> list[EncodedPacket]:
    """``count`` pictures, white for 0.1 s from each whole second on, else gray with a little that moves."""
    if codec == "JPEG":
        return _photographs(count, size, rate_hz)
    encoder: Any = av.CodecContext.create(_CODECS[codec], "w")
    encoder.width, encoder.height = size
    encoder.pix_fmt, encoder.time_base, encoder.bit_rate = "yuv420p", Fraction(1, 90000), 500_000
    encoder.framerate, encoder.options = Fraction(rate_hz), dict(_OPTIONS[codec])
    made = []
    for number in range(count):
        frame = _picture(number, size, rate_hz)
        made += [
            EncodedPacket(bytes(p), codec, 90000, frame.pts or 0, p.is_keyframe)
            for p in encoder.encode(frame)
        ]
    return made


def _picture(number: int, size: tuple[int, int], rate_hz: int) -> av.VideoFrame:
    white = number / rate_hz % FLASH_S < 0.1 - 1e-6
    image = np.full((size[1], size[0], 3), 230 if white else 60, np.uint8)
    image[: size[1] // 4, (number * 4) % size[0] :][:, :8] = (200, 40, 40)
    frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format="yuv420p")
    frame.pts, frame.time_base = number * 90000 // rate_hz, Fraction(1, 90000)
    return frame


def _photographs(count: int, size: tuple[int, int], rate_hz: int) -> list[EncodedPacket]:
    encoder = JpegEncoder()
    frames = [_picture(number, size, rate_hz) for number in range(count)]
    return [EncodedPacket(encoder.encode(frame), "JPEG", 90000, frame.pts or 0, True) for frame in frames]


def sound(count: int, *, codec: str = "opus") -> list[EncodedPacket]:
    """``count`` packets of 20 ms, 48 kHz stereo: 1 kHz for 50 ms from each whole second on, else silence."""
    encoder: Any = av.CodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.format, encoder.layout = 48000, "s16", "stereo"
    encoder.bit_rate, encoder.time_base = 96000, Fraction(1, 48000)
    made = []
    for number in range(count):
        times_s = (number * 960 + np.arange(960)) / 48000
        wave = np.where(times_s % FLASH_S < 0.05, np.sin(2 * np.pi * 1000 * times_s), 0)
        stereo = np.repeat(np.rint(16384 * wave).astype(np.int16), 2)[None, :]
        if codec == "L16":
            made.append(EncodedPacket(stereo.astype("<i2").tobytes(), codec, 48000, number * 960, True))
            continue
        frame = av.AudioFrame.from_ndarray(stereo, format="s16", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = 48000, number * 960, Fraction(1, 48000)
        made += [EncodedPacket(bytes(p), codec, 48000, number * 960, True) for p in encoder.encode(frame)]
    return made


def timed(packet: EncodedPacket, begin_s: float = 100.0, *, epoch: int = 1) -> TimedPacket:
    """A packet that was captured ``pts`` after ``begin_s`` of the session, and came 50 ms later."""
    time_s = begin_s + packet.pts / packet.clock_hz
    return TimedPacket(packet, time_s, "capture", time_s + 0.05, epoch)


def flashes_and_beeps(path: str) -> tuple[list[float], list[float]]:
    """When pictures turn white and sound begins in a file, in seconds: every picture and sample is decoded."""
    flashes, beeps, white, quiet_until_s = [], [], False, 0.0
    with av.open(path) as container:
        for frame in container.decode():
            assert frame.time is not None
            if isinstance(frame, av.VideoFrame):
                was, white = white, frame.to_ndarray(format="gray8").mean() > 150
                flashes += [frame.time] if white and not was else []
                continue
            loud = np.flatnonzero(np.abs(_mono(frame)) > 0.1)
            if len(loud):
                at_s = frame.time + loud[0] / frame.sample_rate
                beeps += [at_s] if at_s > quiet_until_s else []
                quiet_until_s = frame.time + loud[-1] / frame.sample_rate + 0.2
    return flashes, beeps


def _mono(frame: Any) -> Any:
    samples = frame.to_ndarray()
    if not frame.format.is_planar:
        samples = samples.reshape(-1, frame.layout.nb_channels).T
    scale = 32768 if samples.dtype == np.int16 else 1
    return samples[0].astype(float) / scale
