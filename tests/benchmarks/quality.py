"""What a moving 720p picture looks like at each quality, and how many bits a second it takes: PSNR of the luma.

``python quality.py [seconds]``: one connection a level over loopback, both ends in this process. Each picture carries a
time code, by which the one that arrived is compared with the one that was sent.
"""

from __future__ import annotations

import asyncio
import sys
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent.parent)]

import av  # noqa: E402
import numpy as np  # noqa: E402
from aiortc import (  # noqa: E402
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpReceiver,
    RTCSessionDescription,
)

from smallrtc_lab.media.convert import from_picture, to_picture  # noqa: E402
from smallrtc_lab.media.quality import LEVELS  # noqa: E402
from smallrtc_lab.media.synthetic import video_source  # noqa: E402
from smallrtc_lab.media.timecode import decode_timecode, encode_timecode  # noqa: E402
from smallrtc_lab.rtc import SmallWebRTCConnection  # noqa: E402
from smallrtc_lab.rtc._aiortc import add_loopback_candidate  # noqa: E402

WIDTH, HEIGHT, RATE = 1280, 720, 30
COUNT = 60  # pictures, drawn before
CODE_ROWS = 80  # of the time code, left out of the comparison
CODECS = ("VP8", "H264")


def pictures() -> list[av.VideoFrame]:
    """Soft drifting colours with a fine texture that moves the other way: neither easy nor noise."""
    source = video_source("pattern", WIDTH, HEIGHT, RATE, 0)
    rng = np.random.default_rng(0)
    texture = rng.normal(0, 14, (HEIGHT // 4, WIDTH // 4, 1)).repeat(4, 0).repeat(4, 1)
    made = []
    for index in range(COUNT):
        moved = np.roll(texture, -5 * index, axis=1)
        image = np.clip(source.picture(index) + moved, 0, 255).astype(np.uint8)
        encode_timecode(image, index)
        made.append(from_picture(image))
    return made


class Moving(MediaStreamTrack):
    kind = "video"

    def __init__(self, frames: list[av.VideoFrame]) -> None:
        super().__init__()
        self.frames = frames
        self.index = -1
        self.start_s = time.monotonic()

    async def recv(self) -> av.VideoFrame:
        due = int((time.monotonic() - self.start_s) * RATE) + 1
        self.index = max(self.index + 1, due)  # a machine that is too slow leaves pictures out
        await asyncio.sleep(self.start_s + self.index / RATE - time.monotonic())
        frame = self.frames[self.index % COUNT]
        frame.pict_type = av.video.frame.PictureType.NONE
        frame.pts, frame.time_base = self.index * 90_000 // RATE, Fraction(1, 90_000)
        return frame


def psnr_db(sent: np.ndarray, came: np.ndarray) -> float:
    error = np.mean((sent[CODE_ROWS:].astype(np.float32) - came[CODE_ROWS:]) ** 2)
    return float(10 * np.log10(255.0**2 / max(error, 1e-3)))


async def measure(codec: str, wanted_bps: int | None, frames: list[av.VideoFrame], seconds: float) -> str:
    connection = SmallWebRTCConnection([], loopback=True)
    connection.use_bitrate(wanted_bps)
    browser = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    transceiver = browser.addTransceiver("video", direction="recvonly")
    known = RTCRtpReceiver.getCapabilities("video").codecs
    transceiver.setCodecPreferences([one for one in known if one.mimeType in (f"video/{codec}", "video/rtx")])
    browser.addTransceiver("audio", direction="recvonly")
    browser.createDataChannel("chat")
    add_loopback_candidate(browser)
    await browser.setLocalDescription(await browser.createOffer())
    await connection.initialize(browser.localDescription.sdp, "offer")
    await connection.connect()
    answer = connection.get_answer()
    assert answer is not None
    await browser.setRemoteDescription(RTCSessionDescription(answer["sdp"], answer["type"]))
    connection.replace_video_track(Moving(frames))
    try:
        return await _watch(connection, transceiver.receiver.track, frames, seconds)
    finally:
        await browser.close()
        await connection.disconnect()


async def _watch(connection: Any, track: Any, frames: list[av.VideoFrame], seconds: float) -> str:
    await track.recv()
    await asyncio.sleep(0)
    begin_s = time.monotonic()
    before = (await connection.stats())["bytes_sent"]
    values, came = [], 0
    while time.monotonic() < begin_s + seconds:
        frame = await track.recv()
        came += 1
        if came % 4:
            continue
        seen = to_picture(frame, "gray")
        code = decode_timecode(seen)
        if code is not None and code < COUNT:
            values.append(psnr_db(to_picture(frames[code], "gray"), seen))
    spent_s = time.monotonic() - begin_s
    bps = ((await connection.stats())["bytes_sent"] - before) * 8 / spent_s
    median = float(np.median(values)) if values else float("nan")
    return f"{bps / 1e6:8.2f} Mbit/s {median:8.1f} dB {came / spent_s:8.1f} pictures/s"


async def quality(seconds: float = 8.0) -> None:
    print("\nQuality of a moving 720p picture: bits sent with their headers · median PSNR of the luma\n")
    frames = pictures()
    levels: dict[str, int | None] = {"aiortc's own": None, **LEVELS}
    for codec in CODECS:
        for name, bps in levels.items():
            wanted = "" if bps is None else f"{bps / 1e6:g}"
            row = await measure(codec, bps, frames, seconds)
            print(f"{codec:<6}{name:<14}{wanted:>5} {row}", flush=True)


if __name__ == "__main__":
    asyncio.run(quality(*map(float, sys.argv[1:2])))
