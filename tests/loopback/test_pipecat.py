"""A bot written for Pipecat's runner: its pipeline and its transport, unchanged, on our connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest
from aiortc import MediaStreamTrack
from support.relaybrowser import RelayBrowser
from support.speech import RATE_HZ, scene

from smallrtc_lab import SmallWebRTCConnection
from smallrtc_lab.bots.arguments import runner_arguments
from smallrtc_lab.bots.host import BotHost, HostOptions
from smallrtc_lab.bots.run import BotRun
from smallrtc_lab.engine.relaying.visitors import Visitor

pipecat_bot = pytest.importorskip("support.pipecat_bot", exc_type=ImportError)


class Voice(MediaStreamTrack):
    """Speech and pauses in turn, (n,) float32 at ``RATE_HZ``; silence afterwards."""

    kind = "audio"

    def __init__(self, sound: np.ndarray) -> None:
        super().__init__()
        self._sound = np.rint(sound * 32767).astype(np.int16)
        self._sample = 0
        self._size = RATE_HZ // 50
        self._begun_s: float | None = None

    async def recv(self) -> av.AudioFrame:
        loop = asyncio.get_running_loop()
        self._begun_s = self._begun_s or loop.time()
        await asyncio.sleep(self._begun_s + self._sample / RATE_HZ - loop.time())
        samples = np.zeros(self._size, np.int16)
        part = self._sound[self._sample : self._sample + self._size]
        samples[: len(part)] = part
        frame = av.AudioFrame.from_ndarray(samples[None, :], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE_HZ, self._sample, Fraction(1, RATE_HZ)
        self._sample += self._size
        return frame


def colour_of(frame: Any) -> np.ndarray:
    """(3,) RGB: the mean of a picture."""
    return np.asarray(frame.to_ndarray(format="rgb24").mean((0, 1)))


@asynccontextmanager
async def served(wire: Any, **sections: Any) -> AsyncIterator[tuple[Any, list[str]]]:
    """A browser's part whose other end is Pipecat's bot, and what was reported of that bot."""
    reports: list[str] = []
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    run = BotRun(pipecat_bot.bot, reports.append, lambda run: loop.call_soon_threadsafe(ended.set))
    browser = wire.Browser(**sections)

    async def meet(sdp: str) -> Any:
        connection = SmallWebRTCConnection([], loopback=True)
        await connection.initialize(sdp, "offer")
        run.begin(runner_arguments(connection, None, None))
        return connection.get_answer()

    try:
        await browser.accept(await asyncio.wrap_future(run.submit(meet(await browser.offer()))))
        await browser.opened()
        browser.ping()
        await wire.until(lambda: any("hello" in message for message in browser.messages))
        yield browser, reports
        await browser.close()
        await asyncio.wait_for(ended.wait(), 60)
    finally:
        run.stop()
        await browser.close()
        await asyncio.to_thread(run.join, 30.0)


class Door:
    """The link that carries relay sockets, without a link."""

    browser: RelayBrowser

    def send(self, key: str, content: bytes) -> None:
        self.browser.take(content)

    def close(self, key: str, code: int, reason: str) -> None:
        self.browser.closed = (code, reason)


@asynccontextmanager
async def relayed(wire: Any, **sections: Any) -> AsyncIterator[tuple[Any, list[str]]]:
    """The same for a client that comes by a relay socket."""
    reports: list[str] = []
    host, door = BotHost(pipecat_bot.bot, HostOptions(), reports.append), Door()
    taker = host.relays_of(Visitor("a-name", "a-name"), door)
    taker.opened("k")
    browser = door.browser = RelayBrowser(lambda content: taker.received("k", content), **sections)
    try:
        await browser.open()
        await wire.until(lambda: any("hello" in message for message in browser.messages))
        yield browser, reports
        await browser.close()
        await wire.until(lambda: not host.clients)
    finally:
        await browser.stop()
        await host.close()


@pytest.mark.parametrize("meeting", [served, pytest.param(relayed, marks=pytest.mark.soak)])
async def test_a_pipeline_of_pipecat_echoes_sound_picture_and_messages(wire: Any, meeting: Any) -> None:
    """Tone, colours and messages come back through it, and it ends when its client leaves."""
    image = np.full((120, 160, 3), (200, 60, 30), np.uint8)
    async with meeting(wire, audio=wire.Tone(), video=wire.Camera(image)) as (browser, reports):
        browser.channel.send('{"label": "rtvi-ai", "type": "client-message", "id": "1", "data": {}}')
        await wire.until(lambda: any("echo" in message for message in browser.messages))
        sound, picture = (next(t for t in browser.tracks if t.kind == kind) for kind in ("audio", "video"))
        async with asyncio.timeout(60):
            while np.abs(colour_of(await picture.recv()) - image[0, 0]).max() > 12:
                pass
            heard: list[np.ndarray] = []
            while sum(map(len, heard)) < 24_000:
                samples = (await sound.recv()).to_ndarray()[0, ::2].astype(float)
                heard = [*heard, samples] if np.abs(samples).max() > 1000 else []
        spectrum = np.abs(np.fft.rfft(np.concatenate(heard) * np.hanning(24_000)))
        assert abs(np.argmax(spectrum) * 2 - wire.TONE_HZ) < 20
    assert reports == []


async def test_a_pipeline_of_pipecat_hears_when_somebody_speaks(wire: Any) -> None:
    """Its voice activity detection says begin and end of a spoken sentence, and not of the silence before it."""
    said = scene("en-us")
    end_s = said.spoken_s[0][1] + 1.2
    async with served(wire, audio=Voice(said.sound[: round(end_s * RATE_HZ)])) as (browser, reports):
        await wire.until(lambda: {"speech": "stopped"} in browser.messages)
        speech = [message["speech"] for message in browser.messages if "speech" in message]
        assert speech[:2] == ["started", "stopped"]
    assert reports == []
