"""What everything is measured against: aiortc alone, doing the same work in the plainest way.

A thread with a loop of its own, as a notebook would run it; or a process: ``python bare.py receive|echo|echo-audio``,
and ``receive-gray`` for pictures of that format.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from typing import Any

import av
import tornado.web
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack


class Echo(MediaStreamTrack):
    """Each frame to an array and back, as a callback that changes nothing."""

    kind = "video"

    def __init__(self, track: MediaStreamTrack) -> None:
        super().__init__()
        self.track = track

    async def recv(self) -> av.VideoFrame:
        frame = await self.track.recv()
        image = frame.to_ndarray(format="rgb24")
        returned = av.VideoFrame.from_ndarray(image, "rgb24")
        returned.pts, returned.time_base = frame.pts, frame.time_base
        return returned


class AudioEcho(MediaStreamTrack):
    """Each block of sound to an array and back."""

    kind = "audio"

    def __init__(self, track: MediaStreamTrack) -> None:
        super().__init__()
        self.track = track

    async def recv(self) -> av.AudioFrame:
        frame = await self.track.recv()
        returned = av.AudioFrame.from_ndarray(frame.to_ndarray(), "s16", "stereo")
        returned.sample_rate, returned.pts, returned.time_base = 48000, frame.pts, frame.time_base
        return returned


class BareServer:
    """Answers offers at ``.url``; counts what it receives."""

    def __init__(self, mode: str) -> None:
        self.mode = mode
        self.pixels = mode.removeprefix("receive-") if mode.startswith("receive-") else "rgb24"
        self.video = self.audio = 0
        self.peers: list[RTCPeerConnection] = []
        self.tasks: list[asyncio.Task[None]] = []
        self.ready = threading.Event()
        self.url = ""
        threading.Thread(target=lambda: asyncio.run(self.serve()), daemon=True).start()
        self.ready.wait(10)

    async def serve(self) -> None:
        bare = self

        class Offer(tornado.web.RequestHandler):
            async def post(self) -> None:
                self.write(await bare.answer(json.loads(self.request.body)))

        server = tornado.web.Application([("/offer", Offer)]).listen(0, "127.0.0.1")
        port = next(iter(server._sockets.values())).getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/offer"
        self.ready.set()
        await asyncio.Event().wait()

    async def answer(self, offer: dict[str, Any]) -> dict[str, str]:
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.peers.append(peer)

        @peer.on("track")
        def on_track(track: MediaStreamTrack) -> None:
            if track.kind == "video" and self.mode == "echo":
                peer.addTrack(Echo(track))
            elif track.kind == "audio" and self.mode == "echo-audio":
                peer.addTrack(AudioEcho(track))
            else:
                self.tasks.append(asyncio.ensure_future(self.read(track)))

        await peer.setRemoteDescription(RTCSessionDescription(offer["sdp"], offer["type"]))
        await peer.setLocalDescription(await peer.createAnswer())
        return {"sdp": peer.localDescription.sdp, "type": "answer"}

    async def read(self, track: MediaStreamTrack) -> None:
        try:
            while True:
                frame = await track.recv()
                if track.kind == "video":
                    frame.to_ndarray(format=self.pixels)
                    self.video += 1
                else:
                    frame.to_ndarray()
                    self.audio += 1
        except MediaStreamError:
            pass


if __name__ == "__main__":
    server = BareServer(sys.argv[1])
    print(server.url, flush=True)
    sys.stdin.read()
