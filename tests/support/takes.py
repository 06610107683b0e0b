"""Takes of known content: a bar that moves through real VP8 or H.264, a ramp of samples."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Literal

import av
import numpy as np

from smallrtc_lab.media.encoded import EncodedPacket, TimedPacket
from smallrtc_lab.media.ring import MissingSamples
from smallrtc_lab.media.take import Take
from smallrtc_lab.media.taken import TakenEvent, TakenMessage, TakenPictures, TakenSound

ENCODERS = {
    "VP8": ("libvpx", {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}),
    "H264": (
        "libx264",
        {"preset": "ultrafast", "tune": "zerolatency", "x264-params": "keyint=10:min-keyint=10"},
    ),
}


def picture(number: int, width: int = 64, height: int = 48) -> np.ndarray:
    """(H, W, 3) uint8 RGB: a bright bar at a place that tells the number."""
    image = np.full((height, width, 3), 20, np.uint8)
    image[:, 2 * number % width : 2 * number % width + 8] = (220, 120, 40)
    return image


def packets(
    count: int,
    *,
    codec: str = "VP8",
    width: int = 64,
    height: int = 48,
    first: int = 0,
    epoch: int = 1,
    keyframe_every: int = 10,
) -> list[TimedPacket]:
    """``count`` pictures, ten a second from ``first / 10`` s on, each ``keyframe_every``-th a keyframe."""
    name, options = ENCODERS[codec]
    encoder: Any = av.CodecContext.create(name, "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base, encoder.framerate, encoder.options = Fraction(1, 10), Fraction(10), options
    encoder.bit_rate = 400_000
    made = []
    for number in range(first, first + count):
        frame = av.VideoFrame.from_ndarray(picture(number, width, height), "rgb24").reformat(format="yuv420p")
        frame.pts = number
        if (number - first) % keyframe_every == 0:
            frame.pict_type = av.video.frame.PictureType.I
        for packet in encoder.encode(frame):
            encoded = EncodedPacket(bytes(packet), codec, 90000, 9000 * number, bool(packet.is_keyframe))
            made.append(TimedPacket(encoded, number / 10, "capture", number / 10 + 0.03, epoch))
    return made


def sound(seconds: float = 3.0, start_s: float = 0.0) -> TakenSound:
    """Stereo noise at 48 kHz in which 0.1 s is missing after the first second, and whose clock is corrected once."""
    count, begin = round(48000 * seconds), round(48000 * start_s)
    samples = np.random.default_rng(3).integers(-20000, 20000, (count, 2)).astype(np.int16)
    samples[48000:52800] = 0
    shifts = ((begin, -0.0065), (begin + 96000, -0.0055))
    return TakenSound(samples, 48000, begin, shifts, (MissingSamples(begin + 48000, 4800),), "capture")


def take(
    *,
    codec: str = "VP8",
    lead: int = 5,
    source: Literal["camera", "screen"] = "camera",
    with_sound: bool = True,
) -> Take:
    """Three seconds of everything from 0.5 s on; ``lead`` pictures before them are there to be decoded only."""
    rows = np.zeros(6, [("time_s", np.float64), ("fps", np.float64)])
    rows["time_s"] = 0.5 + np.arange(6) / 2
    rows["fps"] = [10, 10, np.nan, 9, 10, 10]
    return Take(
        0.1 * lead,
        3.0,
        (TakenMessage(1.0, "browser", {"hello": [1, None, "ä"]}), TakenMessage(2.5, "python", "back")),
        (TakenEvent(0.6, "state", {"state": "live"}), TakenEvent(3.0, "control", {"value": 3})),
        rows,
        True,
        _sound=sound(3.0, 0.1 * lead) if with_sound else None,
        _sources={source: TakenPictures(source, tuple(packets(30 + lead, codec=codec)))},
    )
