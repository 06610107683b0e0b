"""Memory of kernel and engine while pictures and sound flow: the slope after a warm-up, and what it is worth.

    python tests/benchmarks/memory.py [minutes]

A sender of 720p at 30 frames/s and of a tone, an `@on_video` function whose pictures are encoded and go back, an
`@on_audio` function. RSS counts shared memory in both processes; USS is what would be free if the process ended.
"""

from __future__ import annotations

import asyncio
import csv
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent.parent)]

import numpy as np  # noqa: E402
import psutil  # noqa: E402
from stage import Peer, jupyter, kernel, offer_url  # noqa: E402

__all__ = ["memory"]

CELL = """
from smallrtc_lab import Lab
lab = Lab(video=dict(width=1280, height=720, frame_rate=30))
@lab.on_video
def effect(frame): return 255 - frame.image
@lab.on_audio(block=960)
def gain(chunk): return chunk.samples * 0.5
session = lab._session
"""
INTERVAL_S = 10.0
COLUMNS = ("time_s", "kernel_rss", "kernel_uss", "engine_rss", "engine_uss", "kernel_fds", "engine_fds")
COUNTS = "{'engine': lab.stats(), 'effect': effect.stats, 'gain': gain.stats}"


def sample(kernel_pid: int, engine_pid: int) -> list[float]:
    """Bytes and open files of both processes, in the order of `COLUMNS` from the second on."""
    processes = [psutil.Process(kernel_pid), psutil.Process(engine_pid)]
    sizes = [process.memory_full_info() for process in processes]
    return [number for size in sizes for number in (size.rss, size.uss)] + [p.num_fds() for p in processes]


async def samples(kernel_pid: int, engine_pid: int, seconds: float, file: Path) -> list[list[float]]:
    """One row every ten seconds, each written to `file` at once."""
    rows: list[list[float]] = []
    begun_s = time.monotonic()
    with file.open("w", newline="", buffering=1) as out:
        table = csv.writer(out)
        table.writerow(COLUMNS)
        while (now_s := time.monotonic() - begun_s) < seconds:
            rows.append([round(now_s, 1), *sample(kernel_pid, engine_pid)])
            table.writerow(rows[-1])
            await asyncio.sleep(INTERVAL_S)
    return rows


def show(rows: list[list[float]], minutes: float) -> None:
    """First, last, and the least-squares slope after the warm-up, with its standard error."""
    warm_s = min(300.0, 0.3 * 60 * minutes)
    table = np.array(rows)
    late = table[table[:, 0] >= warm_s]
    hours = late[:, 0] / 3600
    print(f"{'':<12}{'first':>8}{'warm':>8}{'last':>8}{'highest':>9}   MB; slope after {warm_s:.0f} s, MB/h")
    for column, name in enumerate(COLUMNS[1:5], start=1):
        whole, after = table[:, column] / 1e6, late[:, column] / 1e6
        spread = hours - hours.mean()
        slope = float((spread * after).sum() / (spread**2).sum())
        rest = after - after.mean() - slope * spread
        error = float(np.sqrt((rest**2).sum() / max(1, len(rest) - 2) / (spread**2).sum()))
        values = f"{whole[0]:8.1f}{after[0]:8.1f}{whole[-1]:8.1f}{whole.max():9.1f}"
        print(f"{name:<12}{values}   {slope:+.2f} ± {error:.2f}")
    print(f"open files: first {table[0, 5:].astype(int)}, last {table[-1, 5:].astype(int)}")


def flowed(before: dict[str, Any], after: dict[str, Any], seconds: float) -> str:
    """What really went through in that time."""
    camera = [counts["engine"]["video"]["camera"]["received"] for counts in (before, after)]
    sound = [counts["engine"]["audio"]["received"] for counts in (before, after)]
    calls = [after[name]["calls"] - before[name]["calls"] for name in ("effect", "gain")]
    return (
        f"{(camera[1] - camera[0]) / seconds:.1f} pictures/s received, {calls[0] / seconds:.1f} processed;"
        f" {(sound[1] - sound[0]) / seconds:.1f} packets/s of sound, {calls[1] / seconds:.1f} blocks processed"
    )


async def memory(minutes: float = 30.0) -> None:
    file = Path(tempfile.gettempdir()) / f"smallrtc-lab-memory-{time.strftime('%H%M%S')}.csv"
    print(
        f"\nMemory over {minutes:g} minutes of 720p with callbacks (goal: no slope beyond noise); {file}\n",
        flush=True,
    )
    with jupyter() as server:
        async with kernel(server, CELL) as running:
            url = offer_url(server, await running.value("session"))
            engine_pid = (await running.value("lab.stats()"))["engine"]["pid"]
            seconds = 60 * minutes
            peer = await asyncio.to_thread(Peer, url, server.headers, "720p", seconds + 60, "encoded")
            try:
                await running.execute("lab.wait_live(30)", 40)
                before, then_s = await running.value(COUNTS), time.monotonic()
                rows = await samples(running.pid, engine_pid, seconds, file)
                after, took_s = await running.value(COUNTS), time.monotonic() - then_s
            finally:
                peer.process.kill()
                peer.process.wait()
    show(rows, minutes)
    print(flowed(before, after, took_s), flush=True)


if __name__ == "__main__":
    asyncio.run(memory(*map(float, sys.argv[1:2])))
