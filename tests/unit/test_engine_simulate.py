"""The simulated browser against a real connection, through real WebRTC on this machine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiortc.mediastreams import AudioStreamTrack
from support.waiting import until

from smallrtc_lab.engine.simulate import SimulatedBrowser
from smallrtc_lab.rtc.connection import SmallWebRTCConnection
from smallrtc_lab.rtc.requests import SmallWebRTCRequest, SmallWebRTCRequestHandler

VIDEO = {"name": "bars", "width": 160, "height": 120, "frame_rate": 30}
AUDIO = {"name": "tone", "hz": 440}


class Answering:
    """The side that answers, what it heard, and the browsers to be closed."""

    def __init__(self) -> None:
        self.handler = SmallWebRTCRequestHandler([], connection_options={"loopback": True})
        self.connection: SmallWebRTCConnection | None = None
        self.heard: list[Any] = []
        self.browsers: list[SimulatedBrowser] = []

    async def connect(self, video: Any, audio: Any) -> SimulatedBrowser:
        """A browser that is connected."""
        browser = SimulatedBrowser(video, audio)
        self.browsers.append(browser)
        await browser.connect(self.answer)
        await until(lambda: self.connection is not None and self.connection.is_connected())
        return browser

    async def answer(self, body: dict[str, Any]) -> dict[str, Any]:
        return await self.handler.handle_web_request(SmallWebRTCRequest.from_dict(body), self.adopt)

    async def adopt(self, connection: SmallWebRTCConnection) -> None:
        async def hear(_: SmallWebRTCConnection, message: Any) -> None:
            self.heard.append(message)

        self.connection = connection
        connection.add_event_handler("app-message", hear)
        await connection.connect()


@pytest_asyncio.fixture
async def answering() -> AsyncIterator[Answering]:
    """Closed afterwards, with its browsers."""
    side = Answering()
    yield side
    for browser in side.browsers:
        await browser.close()
    await side.handler.close()


async def test_it_sends_counts_and_sends_messages_back(answering: Answering) -> None:
    """Pictures and sound go out and are counted, messages return as they were, and nothing of it stays."""
    tasks = len(asyncio.all_tasks())
    browser = await answering.connect(VIDEO, AUDIO)
    assert answering.connection is not None
    track = answering.connection.video_input_track()
    assert track is not None
    frame = await track.recv()
    assert (frame.width, frame.height) == (160, 120)
    messages = ["text", {"type": "of the person's"}, [1, None, "é"]]
    for message in messages:
        answering.connection.send_app_message(message)
    await until(lambda: len(answering.heard) == 3)
    assert answering.heard == messages
    await until(lambda: min(kind["sent"] for kind in browser.stats().values()) > 5)
    assert browser.stats()["audio"]["heard_s"] == 0
    answering.connection.replace_audio_track(AudioStreamTrack())
    await until(lambda: browser.stats()["audio"]["returned"] > 5)
    assert browser.stats()["audio"]["heard_s"] == 0
    answering.connection.replace_audio_track(answering.connection.audio_input_track())
    await until(lambda: browser.stats()["audio"]["heard_s"] > 0.1)
    await browser.close()
    await answering.handler.close()
    await until(lambda: len(asyncio.all_tasks()) == tasks)


async def test_after_a_stall_pictures_are_skipped_and_sound_is_sent(answering: Answering) -> None:
    """Half a second without the loop: its pictures are counted as skipped, its sound goes out all the same."""
    browser = await answering.connect(VIDEO, AUDIO)
    await until(lambda: browser.stats()["video"]["sent"] > 3)
    before = browser.stats()
    time.sleep(0.5)
    await until(lambda: browser.stats()["audio"]["sent"] >= before["audio"]["sent"] + 25)
    assert browser.stats()["video"]["skipped"] >= before["video"]["skipped"] + 10
    print(browser.stats())


async def test_what_is_left_out_is_received_only(answering: Answering) -> None:
    """Without sources it offers to receive, and sends nothing."""
    browser = await answering.connect(None, None)
    assert answering.connection is not None
    assert answering.connection.video_input_track() is None
    assert browser.stats()["video"] == {"sent": 0, "skipped": 0, "returned": 0}


def test_an_unknown_source_is_named() -> None:
    """A wrong name raises at once."""
    with pytest.raises(ValueError, match="bar"):
        asyncio.run(made({"name": "bar"}))


async def made(video: dict[str, Any]) -> SimulatedBrowser:
    return SimulatedBrowser(video, None)
