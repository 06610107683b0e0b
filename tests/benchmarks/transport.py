"""The transport beside bare aiortc and beside Pipecat's own: connecting, messages, echoes of sound."""

from __future__ import annotations

import asyncio
import contextlib
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from stage import Peer

__all__ = ["connect", "echo_peers", "messages"]

HERE = Path(__file__).parent
ROOM_BYTES = 1 << 18


@contextlib.contextmanager
def echoes(kind: str) -> Iterator[tuple[str, int]]:
    """A server of that kind: its address and process."""
    command = [sys.executable, str(HERE / "echoes.py"), kind]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip(), process.pid
    finally:
        process.kill()
        process.wait()


@contextlib.asynccontextmanager
async def joined(url: str) -> Any:
    """A client with a tone-less audio section and a channel: the peer, its channel, and the seconds it took."""
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    pc.addTransceiver("audio", direction="recvonly")
    channel, opened = pc.createDataChannel("chat"), asyncio.Event()
    channel.on("open", opened.set)
    begun_s = time.monotonic()
    await pc.setLocalDescription(await pc.createOffer())
    async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
        reply = await http.post(url, json={"sdp": pc.localDescription.sdp, "type": "offer"})
    answer = reply.raise_for_status().json()
    await pc.setRemoteDescription(RTCSessionDescription(answer["sdp"], answer["type"]))
    await asyncio.wait_for(opened.wait(), 60)
    try:
        yield channel, time.monotonic() - begun_s
    finally:
        await pc.close()


async def connect(count: int = 50) -> None:
    print(f"\nOffer → data channel open, {count} connections one after the other, s (p50, p95)\n")
    for kind in ("ours", "bare"):
        took_s = []
        with echoes(kind) as (url, _):
            for _ in range(count):
                async with joined(url) as (_, seconds):
                    took_s.append(seconds)
        p50_s, p95_s = np.percentile(took_s, [50, 95])
        print(f"{kind:<10}{p50_s:7.3f} {p95_s:7.3f}", flush=True)


async def messages() -> None:
    print("\nMessages of JSON through the data channel; goal ours ÷ bare ≥ 1\n")
    for chars, count in ((100, 5000), (50_000, 100)):
        for way in ("up", "down"):
            rates = {}
            for kind in ("ours", "bare"):
                with echoes(kind) as (url, _):
                    async with joined(url) as (channel, _):
                        rates[kind] = count / await flow(channel, way, count, chars)
            size = ", ".join(f"{kind} {rate * chars / 1e6:.2f} MB/s" for kind, rate in rates.items())
            each = ", ".join(f"{kind} {rate:.0f}/s" for kind, rate in rates.items())
            print(
                f"{chars:>6} characters {way:<5}{each}; {size}; ÷ {rates['ours'] / rates['bare']:.2f}",
                flush=True,
            )


async def flow(channel: Any, way: str, count: int, chars: int) -> float:
    """Seconds until that many messages have gone that way."""
    done, left = asyncio.Event(), count if way == "down" else 1

    def got(text: str) -> None:
        nonlocal left
        json.loads(text)
        left -= 1
        if left == 0:
            done.set()

    channel.on("message", got)
    channel.bufferedAmountLowThreshold = ROOM_BYTES // 2
    low = asyncio.Event()
    channel.on("bufferedamountlow", low.set)
    begun_s = time.monotonic()
    channel.send(json.dumps({"way": way, "count": count, "chars": chars}))
    for number in range(count if way == "up" else 0):
        while channel.bufferedAmount > ROOM_BYTES:
            low.clear()
            await low.wait()
        channel.send(json.dumps({"n": number, "text": "x" * chars}))
    await asyncio.wait_for(done.wait(), 120)
    return time.monotonic() - begun_s


async def echo_peers(seconds: float = 12.0) -> None:
    print(
        "\nEchoes of a beep, N clients: delay (median of medians, worst p95) ms, CPU of the server in cores"
    )
    print(
        "goals: delay ours ÷ bare ≤ 0.7; less CPU and less than half the delay of Pipecat's own transport\n"
    )
    for count in (1, 4, 8):
        for kind in ("ours", "pipecat", "bare"):
            with echoes(kind) as (url, pid):
                await echo_row(f"{count} × {kind}", url, psutil.Process(pid), count, seconds)


async def echo_row(name: str, url: str, server: psutil.Process, count: int, seconds: float) -> None:
    options = (url, {}, "480p", seconds, "beeps")
    peers = await asyncio.gather(*(asyncio.to_thread(Peer, *options) for _ in range(count)))
    await asyncio.sleep(2)
    before, then_s = sum(server.cpu_times()[:2]), time.monotonic()
    await asyncio.sleep(seconds - 4)
    used = (sum(server.cpu_times()[:2]) - before) / (time.monotonic() - then_s)
    figures = await asyncio.gather(*(asyncio.to_thread(peer.figures) for peer in peers))
    heard = [one for one in figures if one["ages"]]
    median_ms = statistics.median(one["median_ms"] for one in heard) if heard else float("nan")
    p95_ms = max((one["p95_ms"] for one in heard), default=float("nan"))
    print(f"{name:<14}{median_ms:8.1f} {p95_ms:8.1f}   {used:5.3f} cores   {len(heard)} heard", flush=True)
