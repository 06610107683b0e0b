"""One picture for several receivers: the CPU of the process that sends, with one encoder and with one for each.

``python broadcast.py serve ours|bare`` sends 640×480 at 30/s to whoever offers; ``python broadcast.py watch URL N
SECONDS`` is N receivers that count pictures and decode none.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent.parent)]

import av  # noqa: E402
import httpx  # noqa: E402
import psutil  # noqa: E402
import tornado.web  # noqa: E402
from aiortc import (  # noqa: E402
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.contrib.media import MediaRelay  # noqa: E402

from smallrtc_lab.media.synthetic import video_source  # noqa: E402
from smallrtc_lab.rtc import (  # noqa: E402
    Broadcast,
    SmallWebRTCConnection,
    SmallWebRTCRequest,
    SmallWebRTCRequestHandler,
)

RATE = 30
BITRATE_BPS = 500_000  # that of aiortc's encoder where nobody asks for another


class Pictures(MediaStreamTrack):
    """A moving picture that was drawn before, so that nothing but sending costs anything."""

    kind = "video"

    def __init__(self) -> None:
        super().__init__()
        source = video_source("pattern", 640, 480, RATE, 0)
        self.frames = [
            av.VideoFrame.from_ndarray(source.picture(n), "rgb24").reformat(format="yuv420p")
            for n in range(60)
        ]
        self.index = -1
        self.start_s = time.monotonic()

    async def recv(self) -> av.VideoFrame:
        self.index += 1
        await asyncio.sleep(max(0.0, self.start_s + self.index / RATE - time.monotonic()))
        frame = self.frames[self.index % len(self.frames)]
        frame.pts, frame.time_base = self.index * 90_000 // RATE, Fraction(1, 90_000)
        return frame


class Sender:
    """Answers offers with the picture."""

    def __init__(self, who: str) -> None:
        self.who = who
        self.pictures = Pictures()
        self.relay, self.peers = MediaRelay(), list[RTCPeerConnection]()
        self.handler, self.broadcast = SmallWebRTCRequestHandler([]), Broadcast(bitrate_bps=BITRATE_BPS)

    async def serve(self) -> None:
        sender = self

        class Offer(tornado.web.RequestHandler):
            async def post(self) -> None:
                self.write(await sender.answer(self.request.body))

        server = tornado.web.Application([("/api/offer", Offer)]).listen(0, "127.0.0.1")
        port = next(iter(server._sockets.values())).getsockname()[1]
        print(f"http://127.0.0.1:{port}/api/offer", flush=True)
        if self.who == "ours":
            await self.broadcast.follow(self.pictures)
        await asyncio.Event().wait()

    async def answer(self, body: bytes) -> dict[str, str]:
        if self.who == "ours":
            return await self.handler.handle_web_request(SmallWebRTCRequest.from_json(body), self.meet)
        offer = json.loads(body)
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.peers.append(peer)
        await peer.setRemoteDescription(RTCSessionDescription(offer["sdp"], offer["type"]))
        peer.addTrack(self.relay.subscribe(self.pictures, buffered=False))
        await peer.setLocalDescription(await peer.createAnswer())
        return {"sdp": peer.localDescription.sdp, "type": "answer"}

    async def meet(self, connection: SmallWebRTCConnection) -> None:
        connection.replace_video_track(self.broadcast.video_track())
        await connection.connect()


async def watch(url: str, count: int, seconds: float) -> None:
    """Count for so long, after everybody has a picture."""
    shown = [0] * count
    peers = [RTCPeerConnection(RTCConfiguration(iceServers=[])) for _ in shown]
    async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
        for number, peer in enumerate(peers):
            peer.addTransceiver("audio", "recvonly")
            receiver = peer.addTransceiver("video", "recvonly").receiver

            async def look(packet: Any, arrival_time_ms: int, number: int = number) -> None:
                shown[number] += packet.marker

            receiver._handle_rtp_packet = look  # type: ignore[method-assign]
            await peer.setLocalDescription(await peer.createOffer())
            offer = {"sdp": peer.localDescription.sdp, "type": "offer"}
            answer = (await http.post(url, json=offer)).json()
            await peer.setRemoteDescription(RTCSessionDescription(answer["sdp"], answer["type"]))
    while not all(shown):
        await asyncio.sleep(0.05)
    print("begin", flush=True)
    before = list(shown)
    await asyncio.sleep(seconds)
    rates = [(after - first) / seconds for after, first in zip(shown, before, strict=True)]
    print(json.dumps(rates), flush=True)
    for peer in peers:
        await peer.close()


def cores(who: str, count: int, seconds: float) -> tuple[float, list[float]]:
    """(cores used, the rate of pictures that each receiver got)."""
    command = [sys.executable, __file__]
    options: Any = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "text": True}
    server = subprocess.Popen([*command, "serve", who], **options)
    try:
        url = server.stdout.readline().strip()
        watcher = subprocess.Popen([*command, "watch", url, str(count), str(seconds)], **options)
        try:
            assert watcher.stdout.readline().strip() == "begin"
            process = psutil.Process(server.pid)
            before, then = sum(process.cpu_times()[:2]), time.monotonic()
            rates = json.loads(watcher.stdout.readline())
            used = (sum(process.cpu_times()[:2]) - before) / (time.monotonic() - then)
        finally:
            watcher.kill()
            watcher.wait()
    finally:
        server.kill()
        server.wait()
    return used, rates


async def broadcast(seconds: float = 8.0) -> None:
    print(
        "\n640×480 at 30/s to N receivers: the sender's cores, lowest rate received, CPU a picture received\n"
    )
    print(f"{'N':<4}{'Broadcast':<30}{'aiortc, MediaRelay':<30}")
    for count in (1, 4, 8):
        ours, bare = [await asyncio.to_thread(cores, who, count, seconds) for who in ("ours", "bare")]
        row = [f"{u:.2f}, {min(r):4.1f}/s, {1000 * u / sum(r):.2f} ms" for u, r in (ours, bare)]
        print(f"{count:<4}{row[0]:<30}{row[1]:<30}", flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        asyncio.run(Sender(sys.argv[2]).serve())
    else:
        asyncio.run(watch(sys.argv[2], int(sys.argv[3]), float(sys.argv[4])))
