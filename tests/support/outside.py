"""A client from outside, played by a bare aiortc peer that speaks the SmallWebRTC protocol over HTTP."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import av
import httpx
import numpy as np
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription

from smallrtc_lab.rtc._aiortc import add_loopback_candidate

__all__ = ["COLOUR", "PEER_LEFT", "TONE_HZ", "Client", "until"]

DEADLINE_S = 60.0
TONE_HZ = 440.0
COLOUR = (200, 60, 30)  # of its camera's picture, RGB
PEER_LEFT = {"type": "signalling", "message": {"type": "peerLeft"}}


class Camera(MediaStreamTrack):
    """A picture of one colour, 15 a second."""

    kind = "video"

    def __init__(self, colour: tuple[int, int, int] = COLOUR) -> None:
        super().__init__()
        self._colour = colour
        self._count = 0

    async def recv(self) -> av.VideoFrame:
        await asyncio.sleep(1 / 15)
        image = np.full((120, 160, 3), self._colour, np.uint8)
        frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format="yuv420p")
        frame.pts, frame.time_base = self._count * 6000, Fraction(1, 90000)
        self._count += 1
        return frame


class Tone(MediaStreamTrack):
    """A steady sine of half scale."""

    kind = "audio"

    def __init__(self, hz: float = TONE_HZ) -> None:
        super().__init__()
        self._hz = hz
        self._sample = 0
        self._start_s = time.monotonic()

    async def recv(self) -> av.AudioFrame:
        await asyncio.sleep(max(0.0, self._start_s + self._sample / 48000 - time.monotonic()))
        times_s = (self._sample + np.arange(960)) / 48000
        samples = np.rint(np.sin(2 * np.pi * self._hz * times_s) * 16384).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(np.repeat(samples, 2)[None, :], format="s16", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = 48000, self._sample, Fraction(1, 48000)
        self._sample += 960
        return frame


class Client:
    """It starts, joins, sends picture, tone and messages, and keeps what comes back.

    ``url`` is the prefix of the routes; its token, or what it says as ``authorization``, goes along with every request.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        authorization: str | None = None,
        hz: float = TONE_HZ,
        colour: tuple[int, int, int] = COLOUR,
    ) -> None:
        self.url = url
        self.headers = {"Authorization": authorization or f"token {token}"}
        self.pc = RTCPeerConnection()
        self.tracks: dict[str, MediaStreamTrack] = {}
        self.pc.on("track", lambda track: self.tracks.update({track.kind: track}))
        self.pc.addTransceiver(Tone(hz), direction="sendrecv")
        self.pc.addTransceiver(Camera(colour), direction="sendrecv")
        self.channel = self.pc.createDataChannel("chat")
        self.messages: list[Any] = []
        self.channel.on("message", lambda text: self.messages.append(json.loads(text)))

    async def join(
        self, session: str | None = None, body: Any = None, *, start: str = "start"
    ) -> httpx.Response:
        """Start, unless a session is named, and connect; the answer to the offer."""
        if session is None:
            async with self._http() as http:
                started = await http.post(self.url + start, json={"body": body})
            started.raise_for_status()
            session = started.json()["sessionId"]
        return await self.offer(f"sessions/{session}/api/offer")

    async def offer(self, path: str, **fields: Any) -> httpx.Response:
        """Send an offer there, with more fields, and connect; the answer to it."""
        add_loopback_candidate(self.pc)
        await self.pc.setLocalDescription(await self.pc.createOffer())
        offer = {"sdp": self.pc.localDescription.sdp, "type": "offer", **fields}
        async with self._http() as http:
            reply = await http.post(self.url + path, json=offer)
        if reply.status_code == 200:
            answer = reply.json()
            await self.pc.setRemoteDescription(RTCSessionDescription(answer["sdp"], answer["type"]))
            await until(
                lambda: self.channel.readyState != "connecting"
            )  # a short bot may have closed it again
        return reply

    def _http(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(trust_env=False, timeout=DEADLINE_S, headers=self.headers)

    def say(self, message: Any) -> None:
        """Send any JSON value."""
        self.channel.send(json.dumps(message))

    async def picture(self, wanted: Callable[[np.ndarray], bool]) -> None:
        """Wait for a picture, (H, W, 3) RGB, like that."""
        async with asyncio.timeout(DEADLINE_S):
            while not wanted((await self.tracks["video"].recv()).to_ndarray(format="rgb24")):  # type: ignore[union-attr]
                pass

    async def tone_hz(self) -> float:
        """The strongest frequency of half a second of sound, once there is any."""
        heard: list[np.ndarray] = []
        async with asyncio.timeout(DEADLINE_S):
            while sum(map(len, heard)) < 24000:
                samples = (await self.tracks["audio"].recv()).to_ndarray()[0, ::2].astype(float)  # type: ignore[union-attr]
                heard = [*heard, samples] if np.abs(samples).max() > 3000 else []
        signal = np.concatenate(heard)
        spectrum = np.abs(np.fft.rfft(signal * np.hanning(len(signal))))
        return float(np.argmax(spectrum) * 48000 / len(signal))

    async def close(self) -> None:
        """Leave."""
        await self.pc.close()


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not condition():
            await asyncio.sleep(0.02)
