"""A SmallWebRTC client without a browser: sends colour bars and a tone, and prints what comes back.

    pip install smallrtc-lab          # or aiortc, av and numpy alone
    python client.py http://127.0.0.1:7860 --seconds 5
    python client.py http://127.0.0.1:7860 --token 0123… --ice-server turn:host:3478 mary password

The address is that of `smallrtc-lab run bot.py`, or of any program that serves `POST /api/offer`. With aiortc all
candidates are in the offer, so nothing has to be sent after it. It needs nothing of smallrtc-lab's own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
import urllib.error
import urllib.request
from fractions import Fraction
from typing import Any

import av
import numpy as np
from aiortc import (
    MediaStreamTrack,
    RTCBundlePolicy,
    RTCConfiguration,
    RTCIceServer,
    RTCIceTransportPolicy,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError

TONE_HZ, AUDIO_RATE_HZ, BLOCK = 440, 48_000, 960
WIDTH, HEIGHT, FRAME_RATE = 640, 480, 30
COLOURS = [
    (255, 255, 255),
    (255, 255, 0),
    (0, 255, 255),
    (0, 255, 0),
    (255, 0, 255),
    (255, 0, 0),
    (0, 0, 255),
]


class Paced(MediaStreamTrack):
    """A track that sleeps until its next frame is due."""

    def __init__(self, rate_hz: float) -> None:
        super().__init__()
        self.rate_hz = rate_hz
        self.count = 0
        self.begun_s = time.monotonic()

    async def next_index(self) -> int:
        index, self.count = self.count, self.count + 1
        await asyncio.sleep(max(0.0, self.begun_s + index / self.rate_hz - time.monotonic()))
        if self.readyState != "live":
            raise MediaStreamError
        return index


class Bars(Paced):
    """Seven colour bars with a white line that moves."""

    kind = "video"

    async def recv(self) -> av.VideoFrame:
        index = await self.next_index()
        image = np.repeat(np.array([COLOURS], np.uint8), -(-WIDTH // 7), axis=1)[:, :WIDTH].repeat(
            HEIGHT, axis=0
        )
        image[index * 4 % HEIGHT, :] = 255
        frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format="yuv420p")
        frame.pts, frame.time_base = index * 90_000 // FRAME_RATE, Fraction(1, 90_000)
        return frame


class Tone(Paced):
    """A sine of half scale."""

    kind = "audio"

    async def recv(self) -> av.AudioFrame:
        index = await self.next_index()
        times_s = (index * BLOCK + np.arange(BLOCK)) / AUDIO_RATE_HZ
        samples = (16_384 * np.sin(2 * np.pi * TONE_HZ * times_s)).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(samples[None, :], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = (
            AUDIO_RATE_HZ,
            index * BLOCK,
            Fraction(1, AUDIO_RATE_HZ),
        )
        return frame


class Figures:
    """What came back."""

    def __init__(self) -> None:
        self.pictures = 0
        self.size = (0, 0)
        self.sound: list[np.ndarray] = []
        self.sound_rate_hz = AUDIO_RATE_HZ
        self.round_trips_ms: list[float] = []
        self.connected_s = 0.0

    async def watch(self, track: MediaStreamTrack) -> None:
        try:
            while True:
                frame = await track.recv()
                if isinstance(frame, av.VideoFrame):
                    self.pictures += 1
                    self.size = (frame.width, frame.height)
                else:
                    self.sound.append(frame.to_ndarray().reshape(-1, len(frame.layout.channels))[:, 0])
                    self.sound_rate_hz = frame.sample_rate
                    del self.sound[:-50]  # the last second
        except MediaStreamError:
            pass

    def heard_hz(self) -> float | None:
        """The strongest frequency of the last second of sound; None when there was none."""
        if len(self.sound) < 50 or not np.any(np.concatenate(self.sound)):
            return None
        sound = np.concatenate(self.sound).astype(float)
        spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
        return float(np.argmax(spectrum) * self.sound_rate_hz / len(sound))

    def as_dict(self, seconds: float) -> dict[str, Any]:
        trips = self.round_trips_ms
        return {
            "connected after": f"{self.connected_s:.2f} s",
            "pictures/s": round(self.pictures / seconds, 1),
            "picture size": "×".join(map(str, self.size)),
            "loudest tone": None if (hz := self.heard_hz()) is None else f"{hz:.0f} Hz",
            "messages back": len(trips),
            "message round trip": f"{statistics.median(trips):.1f} ms" if trips else None,
        }


class Refused(Exception):
    """The server does not want this client; its own sentence says why. A status from 500 may be gone soon."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(f"{status}: {sentence}")
        self.status = status


async def ask_patiently(url: str, body: dict[str, Any], token: str | None) -> dict[str, Any]:
    """As `ask`, and again after two seconds, three times, while the server says that it cannot yet."""
    for _ in range(3):
        try:
            return await ask(url, body, token)
        except Refused as refused:
            if refused.status < 500:
                raise
            await asyncio.sleep(2)
    return await ask(url, body, token)


async def ask(url: str, body: dict[str, Any], token: str | None) -> dict[str, Any]:
    """POST JSON; raises Refused with the server's sentence."""
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"token {token}"} if token else {})
    request = urllib.request.Request(url, json.dumps(body).encode(), headers, method="POST")

    def post() -> dict[str, Any]:
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return dict(json.load(answer))
        except urllib.error.HTTPError as error:
            text = error.read().decode(errors="replace")
            raise Refused(error.code, sentence_of(text) or str(error.reason)) from None

    return await asyncio.to_thread(post)


def sentence_of(text: str) -> str:
    try:
        return str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        return text[:200]


async def call(
    url: str,
    *,
    token: str | None = None,
    seconds: float = 5,
    ice_servers: list[RTCIceServer] | None = None,
    relay_only: bool = False,
) -> dict[str, Any]:
    """Connect, send for so many seconds, and return the figures."""
    policy = RTCIceTransportPolicy.RELAY if relay_only else RTCIceTransportPolicy.ALL
    pc = RTCPeerConnection(RTCConfiguration(ice_servers or [], policy, RTCBundlePolicy.MAX_BUNDLE))
    figures, tasks = Figures(), set[asyncio.Task[None]]()
    pc.on("track", lambda track: tasks.add(asyncio.create_task(figures.watch(track))))
    pc.addTransceiver(Tone(AUDIO_RATE_HZ / BLOCK), "sendrecv")  # the protocol's order: sound, then the camera
    pc.addTransceiver(Bars(FRAME_RATE), "sendrecv")
    channel = pc.createDataChannel("chat")
    opened = asyncio.Event()
    channel.on("open", opened.set)
    channel.on("message", lambda text: received(text, figures))
    begun_s = time.monotonic()
    try:
        await pc.setLocalDescription(await pc.createOffer())
        offer = {"sdp": pc.localDescription.sdp, "type": "offer", "pc_id": None, "restart_pc": False}
        answer = await ask_patiently(f"{url.rstrip('/')}/api/offer", offer, token)
        await pc.setRemoteDescription(RTCSessionDescription(answer["sdp"], answer["type"]))
        await asyncio.wait_for(opened.wait(), 30)
        figures.connected_s = time.monotonic() - begun_s
        end_s = time.monotonic() + seconds
        while time.monotonic() < end_s:
            channel.send(
                f"ping: {int(time.time() * 1000)}"
            )  # once a second, so that the server knows we are there
            channel.send(json.dumps({"sent_s": time.monotonic()}))
            await asyncio.sleep(min(1.0, max(0.0, end_s - time.monotonic())))
        return figures.as_dict(seconds)
    finally:
        await pc.close()
        await asyncio.gather(*tasks)


def received(text: str, figures: Figures) -> None:
    message = json.loads(text)
    sent = message.get("you said", message) if isinstance(message, dict) else None
    if isinstance(sent, dict) and "sent_s" in sent:
        figures.round_trips_ms.append((time.monotonic() - sent["sent_s"]) * 1000)
    else:
        print("message:", message)


def main() -> None:
    parser = argparse.ArgumentParser(description="A SmallWebRTC client without a browser.")
    parser.add_argument("url", help="where the server is, for example http://127.0.0.1:7860")
    parser.add_argument("--token", help="sent as 'Authorization: token …'")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument(
        "--ice-server", nargs="+", metavar=("URL", "USER PASSWORD"), help="a STUN or TURN server"
    )
    parser.add_argument("--relay-only", action="store_true", help="use no way but the TURN server")
    arguments = parser.parse_args()
    servers = (
        [RTCIceServer(arguments.ice_server[0], *arguments.ice_server[1:3])] if arguments.ice_server else []
    )
    options = {"token": arguments.token, "seconds": arguments.seconds, "relay_only": arguments.relay_only}
    try:
        figures = asyncio.run(call(arguments.url, ice_servers=servers, **options))
    except (Refused, OSError, TimeoutError) as error:
        raise SystemExit(f"no connection: {error}") from None
    for name, value in figures.items():
        print(f"{name}: {value}")


if __name__ == "__main__":
    main()
