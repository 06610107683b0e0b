"""A browser's part, played by a bare aiortc peer: it offers, sends and records."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest
import pytest_asyncio
from aiortc import (
    MediaStreamTrack,
    RTCBundlePolicy,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError
from support.relayplace import Place, opened_place

from smallrtc_lab.rtc import SmallWebRTCConnection
from smallrtc_lab.rtc._aiortc import add_loopback_candidate

DEADLINE_S = 60.0
TONE_HZ = 440.0
QUARTERS = ((200, 30, 30), (30, 200, 30), (30, 30, 200), (200, 200, 200))  # RGB, row by row


def picture(width: int = 320, height: int = 240, quarters: Any = QUARTERS) -> np.ndarray:
    """(H, W, 3) uint8 RGB: four colours in four quarters."""
    image = np.empty((height, width, 3), np.uint8)
    h, w = height // 2, width // 2
    for colour, (row, column) in zip(quarters, ((0, 0), (0, 1), (1, 0), (1, 1)), strict=True):
        image[row * h : (row + 1) * h, column * w : (column + 1) * w] = colour
    return image


class Camera(MediaStreamTrack):
    """Shows one picture at a steady rate; ``shown`` keeps when each left."""

    kind = "video"

    def __init__(self, image: np.ndarray | None = None, frame_rate: float = 30) -> None:
        super().__init__()
        self.image = picture() if image is None else image
        self.frame_rate = frame_rate
        self.shown = 0
        self._start_s = time.monotonic()

    async def recv(self) -> av.VideoFrame:
        due_s = self._start_s + self.shown / self.frame_rate
        await asyncio.sleep(max(0.0, due_s - time.monotonic()))
        if self.readyState != "live":
            raise MediaStreamError
        frame = av.VideoFrame.from_ndarray(self.image, format="rgb24").reformat(format="yuv420p")
        frame.pts = round(self.shown * 90000 / self.frame_rate)
        frame.time_base = Fraction(1, 90000)
        self.shown += 1
        return frame


class Tone(MediaStreamTrack):
    """A steady sine of half scale, 48 kHz, the same on both channels."""

    kind = "audio"

    def __init__(self, hz: float = TONE_HZ) -> None:
        super().__init__()
        self.hz = hz
        self._sample = 0
        self._start_s = time.monotonic()

    async def recv(self) -> av.AudioFrame:
        due_s = self._start_s + self._sample / 48000
        await asyncio.sleep(max(0.0, due_s - time.monotonic()))
        if self.readyState != "live":
            raise MediaStreamError
        times_s = (self._sample + np.arange(960)) / 48000
        samples = np.rint(np.sin(2 * np.pi * self.hz * times_s) * 16384).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(np.repeat(samples, 2)[None, :], format="s16", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = 48000, self._sample, Fraction(1, 48000)
        self._sample += 960
        return frame


class Browser:
    """The offering side: sections in the protocol's order, a data channel named chat, pings."""

    def __init__(
        self,
        *,
        audio: Any = None,
        video: Any = None,
        screen: Any = None,
        channel: bool = True,
        configuration: RTCConfiguration | None = None,
    ) -> None:
        config = configuration or RTCConfiguration(iceServers=[])
        config.bundlePolicy = RTCBundlePolicy.MAX_BUNDLE
        self.pc = RTCPeerConnection(config)
        self.messages: list[Any] = []
        self.tracks: list[MediaStreamTrack] = []
        self.pc.on("track", self.tracks.append)
        self.ping_task: asyncio.Task[None] | None = None
        for kind, source in (("audio", audio), ("video", video), ("video", screen)):
            if isinstance(source, MediaStreamTrack):
                self.pc.addTransceiver(source, direction="sendrecv")
            elif source is not None:
                self.pc.addTransceiver(kind, direction=source)
        # After the transceivers: aiortc closes its own transport when a channel made first is bundled.
        self.channel = self.pc.createDataChannel("chat") if channel else None
        if self.channel is not None:
            self.channel.on("message", lambda text: self.messages.append(json.loads(text)))
        self._gathering_shaped = configuration is not None

    async def offer(self) -> str:
        """The text of an offer with candidates, 127.0.0.1 among them unless configured otherwise."""
        if not self._gathering_shaped:
            self._gathering_shaped = True
            add_loopback_candidate(self.pc)
        await self.pc.setLocalDescription(await self.pc.createOffer())
        return self.pc.localDescription.sdp

    async def accept(self, answer: dict[str, str]) -> None:
        await self.pc.setRemoteDescription(RTCSessionDescription(answer["sdp"], answer["type"]))

    async def opened(self) -> None:
        assert self.channel is not None
        await until(lambda: self.channel.readyState == "open")

    def ping(self, interval_s: float = 1.0) -> None:
        async def run() -> None:
            while True:
                self.channel.send(f"ping: {time.time_ns() // 1_000_000}")
                await asyncio.sleep(interval_s)

        self.ping_task = asyncio.create_task(run())

    def stop_pings(self) -> None:
        if self.ping_task is not None:
            self.ping_task.cancel()

    async def close(self) -> None:
        self.stop_pings()
        await self.pc.close()


async def until(condition: Callable[[], Any], timeout_s: float = DEADLINE_S) -> None:
    """Wait until ``condition()`` holds; fail when it does not within ``timeout_s``."""
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s, "the condition did not come true in time"
        await asyncio.sleep(0.01)


class Log:
    """Every event of a connection, in order."""

    def __init__(self, connection: SmallWebRTCConnection) -> None:
        self.entries: list[tuple[Any, ...]] = []
        for name in connection.event_names:
            connection.add_event_handler(name, self._recorder(name))

    def _recorder(self, name: str) -> Callable[..., None]:
        return lambda connection, *args: self.entries.append((name, *args))

    @property
    def names(self) -> list[str]:
        return [entry[0] for entry in self.entries]

    @property
    def messages(self) -> list[Any]:
        return [entry[1] for entry in self.entries if entry[0] == "app-message"]


async def link(browser: Browser, connection: SmallWebRTCConnection) -> None:
    """Offer, answer, connected."""
    await connection.initialize(await browser.offer(), "offer")
    await connection.connect()
    await browser.accept(connection.get_answer())
    await until(connection.is_connected)


@asynccontextmanager
async def linked(connection: SmallWebRTCConnection | None = None, **sections: Any) -> AsyncIterator[Any]:
    """A connected pair; both ends are closed afterwards."""
    connection = connection or SmallWebRTCConnection([], loopback=True)
    browser = Browser(**sections)
    try:
        await link(browser, connection)
        yield browser, connection
    finally:
        await browser.close()
        await connection.disconnect()


class Wire:
    """What the tests of this directory share; test files do not import each other."""

    Browser = Browser
    Camera = Camera
    Log = Log
    Tone = Tone
    TONE_HZ = TONE_HZ
    link = staticmethod(link)
    linked = staticmethod(linked)
    picture = staticmethod(picture)
    until = staticmethod(until)


@pytest.fixture
def wire() -> type[Wire]:
    """The browser's part and its helpers."""
    return Wire


@pytest_asyncio.fixture
async def place() -> AsyncIterator[Place]:
    """A session with relay sockets. Nobody has come yet; nothing runs afterwards."""
    async with opened_place() as place:
        yield place
