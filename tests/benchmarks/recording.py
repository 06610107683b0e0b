"""What a recording of 720p30 costs: ours, and aiortc's ``MediaRecorder`` in a process of its own on the same stream.

As a program it is that process: ``python recording.py FILE`` records, without a file it receives and throws away.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import psutil
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaBlackhole, MediaRecorder
from bare import BareServer

__all__ = ["recording"]

OURS = """
from smallrtc_lab import Lab
lab = Lab(keep_s=0)
session = lab._session
"""
SETTLE_S = 3.0
ROUNDS = 3


class BareRecorder(BareServer):
    """Answers offers and records what comes, or throws it away."""

    def __init__(self, path: str | None) -> None:
        self.path = path
        self.recorders: list[Any] = []
        super().__init__("receive")

    async def answer(self, offer: dict[str, Any]) -> dict[str, str]:
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        recorder = MediaBlackhole() if self.path is None else MediaRecorder(self.path)
        self.peers.append(peer)
        self.recorders.append(recorder)

        @peer.on("track")
        def on_track(track: MediaStreamTrack) -> None:
            recorder.addTrack(track)

        await peer.setRemoteDescription(RTCSessionDescription(offer["sdp"], offer["type"]))
        await peer.setLocalDescription(await peer.createAnswer())
        await recorder.start()
        return {"sdp": peer.localDescription.sdp, "type": "answer"}


async def recording(seconds: float = 20.0) -> None:
    print(
        "\nRecording 720p30 as WebM, added to receiving it: cores (goal ≤ 1/10 of aiortc's MediaRecorder)\n"
    )
    with tempfile.TemporaryDirectory() as directory:
        plain, ours, path = await own(Path(directory), seconds)
        print(
            f"smallrtc-lab: {ours:.3f} cores recording − {plain:.3f} without = {ours - plain:.3f} added",
            flush=True,
        )
        print(described(path), flush=True)
        discarded = await bare(None, seconds)
        recorded = await bare(Path(directory) / "bare.webm", seconds)
        added = recorded - discarded
        print(f"aiortc:       {recorded:.3f} cores recording − {discarded:.3f} without = {added:.3f} added")
        print(f"ratio of what is added: {(ours - plain) / added:.3f}")


async def own(directory: Path, seconds: float) -> tuple[float, float, Path]:
    """Cores of the engine without and with a recording, in turn, so that both meet the same machine; the last file."""
    from stage import Peer, jupyter, kernel, offer_url

    used: dict[bool, list[float]] = {False: [], True: []}
    path = directory / "ours.webm"
    with jupyter() as server:
        async with kernel(server, OURS) as running:
            url = offer_url(server, await running.value("session"))
            pid = (await running.value("lab.stats()"))["engine"]["pid"]
            peer = await asyncio.to_thread(Peer, url, server.headers, "720p", 10 * seconds, "encoded")
            await running.wait_value("lab.state == 'live'", timeout_s=30)
            await asyncio.sleep(SETTLE_S)
            for _ in range(ROUNDS):
                used[False].append(await cores(pid, seconds / ROUNDS))
                await running.execute(f"recording = lab.record({str(path)!r}, overwrite=True)")
                used[True].append(await cores(pid, seconds / ROUNDS))
                await running.execute("recording.stop()")
            peer.process.kill()
    return sum(used[False]) / ROUNDS, sum(used[True]) / ROUNDS, path


async def bare(path: Path | None, seconds: float) -> float:
    """Cores of a process that receives with aiortc alone, and records into ``path`` if there is one."""
    from stage import Peer

    with bare_process([] if path is None else [str(path)]) as (url, pid):
        peer = await asyncio.to_thread(Peer, url, {}, "720p", 10 * seconds, "encoded")
        await asyncio.sleep(SETTLE_S)
        used = await cores(pid, seconds)
        peer.process.kill()
    return used


async def cores(pid: int, seconds: float) -> float:
    process = psutil.Process(pid)
    before, then = sum(process.cpu_times()[:2]), time.monotonic()
    await asyncio.sleep(seconds)
    return (sum(process.cpu_times()[:2]) - before) / (time.monotonic() - then)


@contextlib.contextmanager
def bare_process(arguments: list[str]) -> Iterator[tuple[str, int]]:
    process = subprocess.Popen(
        [sys.executable, __file__, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip(), process.pid
    finally:
        process.kill()
        process.wait()


def described(path: Path) -> str:
    """Every picture of the file decoded: how many, and whether their times grow."""
    with av.open(str(path)) as container:
        times_s = [frame.time for frame in container.decode(video=0)]
        length_s = (container.duration or 0) / 1e6
    grow = all(b > a for a, b in itertools.pairwise(times_s))
    return f"{len(times_s)} pictures in {length_s:.2f} s, times {'grow' if grow else 'DO NOT GROW'}"


if __name__ == "__main__":
    server = BareRecorder(sys.argv[1] if len(sys.argv) > 1 else None)
    print(server.url, flush=True)
    sys.stdin.read()
