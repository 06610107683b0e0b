"""The other side of every benchmark: one aiortc peer in a process of its own that offers over HTTP.

``python peer.py '{"url": …, "headers": …, "width": …, "height": …, "seconds": …, "mode": …}'``; the modes:

``encoded`` sends a moving picture that was encoded before (so that sending costs next to nothing) and a tone, at
  ``rate`` pictures a second where the task says so.
``timecode`` draws the time into each picture, and prints how old the pictures are that come back.
``beeps`` sends no picture, but a beep twice a second, and prints how old the beeps are that come back.
The last line it prints is JSON with what it measured.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from fractions import Fraction
from typing import Any

import av
import httpx
import numpy as np
from aiortc import RTCBundlePolicy, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

from smallrtc_lab.media.synthetic import video_source
from smallrtc_lab.media.timecode import decode_timecode, encode_timecode

RATE = 30
LOOP = 150
TICKS = 90000 // RATE


class Paced(MediaStreamTrack):
    """A track whose pieces leave at fixed times."""

    interval_s = 1 / RATE

    def __init__(self) -> None:
        super().__init__()
        self.index = -1
        self.start_s = 0.0

    async def due(self) -> int:
        self.index += 1
        if self.index == 0:
            self.start_s = time.monotonic()
        await asyncio.sleep(max(0.0, self.start_s + self.index * self.interval_s - time.monotonic()))
        return self.index


class EncodedVideo(Paced):
    """A loop of VP8 packets that were encoded before."""

    kind = "video"

    def __init__(self, width: int, height: int, rate: int = RATE) -> None:
        super().__init__()
        self.interval_s, self.ticks = 1 / rate, 90000 // rate
        self.packets = encode_loop(width, height)

    async def recv(self) -> av.Packet:
        index = await self.due()
        packet = av.Packet(self.packets[index % len(self.packets)])
        packet.pts = index * self.ticks
        packet.time_base = Fraction(1, 90000)
        return packet


class TimecodeVideo(Paced):
    """Each picture says when it was drawn, in milliseconds of the monotonic clock."""

    kind = "video"

    def __init__(self, width: int, height: int) -> None:
        super().__init__()
        self.source = video_source("pattern", width, height, RATE, 0)

    async def recv(self) -> av.VideoFrame:
        index = await self.due()
        image = np.ascontiguousarray(self.source.picture(index))
        encode_timecode(image, int(time.monotonic() * 1000))
        frame = av.VideoFrame.from_ndarray(image, "rgb24").reformat(format="yuv420p")
        frame.pts = index * TICKS
        frame.time_base = Fraction(1, 90000)
        return frame


class Tone(Paced):
    """440 Hz, stereo."""

    kind = "audio"
    interval_s = 0.02

    async def recv(self) -> av.AudioFrame:
        index = await self.due()
        samples = 0.5 * np.sin(2 * np.pi * 440 * np.arange(index * 960, (index + 1) * 960) / 48000)
        stereo = np.repeat((samples * 32767).astype(np.int16), 2)[None, :]
        frame = av.AudioFrame.from_ndarray(stereo, "s16", "stereo")
        frame.sample_rate = 48000
        frame.pts = index * 960
        frame.time_base = Fraction(1, 48000)
        return frame


class Beeps(Paced):
    """1 kHz for 20 ms twice a second, else silence; ``begun_s`` says when each began to leave, monotonic."""

    kind = "audio"
    interval_s = 0.02

    def __init__(self) -> None:
        super().__init__()
        self.begun_s: list[float] = []

    async def recv(self) -> av.AudioFrame:
        index = await self.due()
        samples = np.zeros(960)
        if index % 25 == 0:
            self.begun_s.append(time.monotonic())
            samples = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(960) / 48000)
        stereo = np.repeat((samples * 32767).astype(np.int16), 2)[None, :]
        frame = av.AudioFrame.from_ndarray(stereo, "s16", "stereo")
        frame.sample_rate = 48000
        frame.pts = index * 960
        frame.time_base = Fraction(1, 48000)
        return frame


def encode_loop(width: int, height: int) -> list[bytes]:
    """Five seconds of a moving picture as VP8, a keyframe each second."""
    encoder = av.CodecContext.create("libvpx", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, RATE), Fraction(RATE, 1)
    encoder.bit_rate = 1_200_000 if height > 480 else 600_000
    encoder.options = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}
    encoder.gop_size = RATE
    source = video_source("pattern", width, height, RATE, 0)
    packets: list[bytes] = []
    for index in range(LOOP):
        frame = av.VideoFrame.from_ndarray(source.picture(index), "rgb24").reformat(format="yuv420p")
        frame.pts = index
        packets += [bytes(packet) for packet in encoder.encode(frame)]
    return packets


class Measured:
    """What came back."""

    def __init__(self) -> None:
        self.ages_ms: list[float] = []
        self.frames = 0
        self.beeps: Beeps | None = None
        self._quiet = 0  # samples since the last beep was heard

    async def read(self, track: MediaStreamTrack) -> None:
        try:
            while True:
                frame = await track.recv()
                if track.kind == "video":
                    self.take(frame)
                elif self.beeps is not None:
                    self.hear(frame, self.beeps.begun_s)
        except MediaStreamError:
            pass

    def take(self, frame: Any) -> None:
        now_ms = time.monotonic() * 1000
        self.frames += 1
        luma = np.frombuffer(frame.planes[0], np.uint8).reshape(-1, frame.planes[0].line_size)
        code = decode_timecode(luma[: frame.height, : frame.width])
        if code is not None:
            self.ages_ms.append(now_ms - code)

    def hear(self, frame: Any, begun_s: list[float]) -> None:
        """The age of a beep: from the moment its first sample left to the one when it could be played."""
        now_s = time.monotonic()
        self.frames += 1
        loud = np.flatnonzero(np.abs(frame.to_ndarray().reshape(-1, 2)[:, 0].astype(int)) > 3000)
        if len(loud) and self._quiet + int(loud[0]) > 9600:
            heard_s = now_s + int(loud[0]) / 48000
            self.ages_ms.append(
                1000 * (heard_s - max((at for at in begun_s if at < heard_s), default=heard_s))
            )
        self._quiet = 960 - 1 - int(loud[-1]) if len(loud) else self._quiet + 960


async def run(task: dict[str, Any]) -> dict[str, Any]:
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))
    measured = Measured()
    readers: list[asyncio.Task[None]] = []
    peer.on("track", lambda track: readers.append(asyncio.ensure_future(measured.read(track))))
    if task["mode"] == "beeps":
        measured.beeps = Beeps()
        peer.addTransceiver(measured.beeps, direction="sendrecv")
    else:
        size = task["width"], task["height"]
        encoded = task["mode"] == "encoded"
        video = EncodedVideo(*size, task.get("rate", RATE)) if encoded else TimecodeVideo(*size)
        peer.addTransceiver(Tone(), direction="sendrecv")
        peer.addTransceiver(video, direction="sendrecv")
    channel = peer.createDataChannel("chat", ordered=True)
    beat = asyncio.ensure_future(heartbeat(channel))
    await peer.setLocalDescription(await peer.createOffer())
    offer = {"sdp": peer.localDescription.sdp, "type": "offer", "pc_id": None, "restart_pc": False}
    async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
        answer = (
            (await client.post(task["url"], json=offer, headers=task["headers"])).raise_for_status().json()
        )
    await peer.setRemoteDescription(RTCSessionDescription(answer["sdp"], answer["type"]))
    print("sending", flush=True)
    await asyncio.sleep(task["seconds"])
    beat.cancel()
    await peer.close()
    ages = measured.ages_ms[
        len(measured.ages_ms) // 4 :
    ]  # the first quarter is the encoders finding their rate
    figures: dict[str, Any] = {"returned": measured.frames}
    if ages:
        figures |= {
            "median_ms": float(np.median(ages)),
            "p95_ms": float(np.percentile(ages, 95)),
            "ages": len(ages),
        }
    return figures


async def heartbeat(channel: Any) -> None:
    while True:
        if channel.readyState == "open":
            channel.send(f"ping: {int(time.time() * 1000)}")
        await asyncio.sleep(1)


if __name__ == "__main__":
    print(json.dumps(asyncio.run(run(json.loads(sys.argv[1])))))
