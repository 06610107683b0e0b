"""Large pictures: what a conversion costs beside PyAV's own, and how many a second reach a callback."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
from stage import LARGE, SIZES, Peer, jupyter, kernel, offer_url

from smallrtc_lab.frames import PixelFormat
from smallrtc_lab.media.convert import Reformatter, picture_bytes, to_picture

__all__ = ["frames"]

AV_FORMATS: dict[PixelFormat, str] = {"rgb": "rgb24", "gray": "gray"}
RATE = 120  # pictures a second that are offered: more than is taken
OURS = """
from smallrtc_lab import Lab
lab = Lab(audio=False); seen = 0
@lab.watch_video(format="{format}")
def callback(frame):
    global seen
    seen += 1
session = lab._session
def counts():
    return lab.stats()["video"]["camera"]["received"], seen
"""
BARE = """
import sys; sys.path.insert(0, {here!r})
from bare import BareServer
server = BareServer("receive-{av_format}")
def counts():
    return server.video, server.video
"""


async def frames(seconds: float = 6.0) -> None:
    conversion()
    print(
        f"\nPictures a second in a callback (decoded), {RATE}/s of VP8 offered; aiortc in a kernel thread\n"
    )
    for size in ("720p", "1080p"):
        for picture_format, av_format in AV_FORMATS.items():
            ours = await rate(OURS.format(format=picture_format), True, size, seconds)
            bare = await rate(
                BARE.format(here=str(Path(__file__).parent), av_format=av_format), False, size, seconds
            )
            print(f"{size:<6}{picture_format:<6}{ours:<18}aiortc {bare}", flush=True)


async def rate(setup: str, ours: bool, size: str, seconds: float) -> str:
    with jupyter() as server:
        async with kernel(server, setup) as running:
            url = (
                offer_url(server, await running.value("session"))
                if ours
                else await running.value("server.url")
            )
            peer = await asyncio.to_thread(Peer, url, server.headers, size, seconds + 8, "encoded", RATE)
            await asyncio.sleep(3)
            before, then = await running.value("counts()"), time.monotonic()
            await asyncio.sleep(seconds)
            after, now = await running.value("counts()"), time.monotonic()
            peer.process.kill()
    decoded, seen = ((b - a) / (now - then) for a, b in zip(before, after, strict=True))
    return f"{seen:5.1f} ({decoded:5.1f})"


def conversion() -> None:
    print(
        "\nOne conversion from yuv420p: ours into a slot ÷ PyAV's to_ndarray, median ms; CPU ms (goal ≤ 1.1)\n"
    )
    for size, (width, height) in (SIZES | LARGE).items():
        noise = np.random.default_rng(0).integers(0, 256, (height * 3 // 2, width), np.uint8)
        frame = av.VideoFrame.from_ndarray(noise, "yuv420p")
        for picture_format in AV_FORMATS:
            print(f"{size:<6}{picture_format:<6}{compared(frame, picture_format)}", flush=True)


def compared(frame: av.VideoFrame, picture_format: PixelFormat, count: int = 300) -> str:
    """Both are done in turn, so that they meet the same machine."""
    slot = memoryview(bytearray(picture_bytes(frame.width, frame.height, picture_format)))
    reformatter = Reformatter()
    ways: tuple[Callable[[], Any], ...] = (
        lambda: to_picture(frame, picture_format, None, slot, reformatter=reformatter),
        lambda: frame.to_ndarray(format=AV_FORMATS[picture_format]),
    )
    took_ms: tuple[list[float], ...] = ([], [])
    cpu_ms: tuple[list[float], ...] = ([], [])
    for _ in range(count):
        for way, took, cpu in zip(ways, took_ms, cpu_ms, strict=True):
            begun_s, begun_cpu_s = time.perf_counter(), time.process_time()
            way()
            took.append(1000 * (time.perf_counter() - begun_s))
            cpu.append(1000 * (time.process_time() - begun_cpu_s))
    (ours, theirs), (ours_cpu, theirs_cpu) = map(statistics.median, took_ms), map(statistics.mean, cpu_ms)
    return (
        f"{ours:5.2f} ÷ {theirs:5.2f} = {ours / theirs:.2f}"
        f"   CPU {ours_cpu:5.2f} ÷ {theirs_cpu:5.2f} = {ours_cpu / theirs_cpu:.2f}"
    )
