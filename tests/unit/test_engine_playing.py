"""Whose picture is seen and whose sound is heard, as pages and the kernel are told."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from support.kernelend import KernelEnd

from smallrtc_lab.engine.calls import EngineServices
from smallrtc_lab.engine.playing.calls import PlayingCalls
from smallrtc_lab.engine.session import Session


class Room:
    """A session with one page, and what that page was told."""

    def __init__(self, kernel: KernelEnd, executor: ThreadPoolExecutor) -> None:
        self.told: list[dict[str, Any]] = []
        self.kernel = kernel
        self.session = Session("s", {}, kernel.bridge, executor, lambda key, one: self.told.append(one))
        self.session.pages.opened("1")
        self.session.pages.received("1", {"type": "hello", "version": 1, "page": "p"})
        services = EngineServices(
            lambda name: self.session, lambda name: self.session, kernel.bridge, executor, lambda *_: None
        )
        self.calls = PlayingCalls(services)

    async def show(self, number: int) -> Any:
        image = np.zeros((24, 32, 3), np.uint8)
        slot = list(self.kernel.lend(image))
        return await self.calls.call_show("s", number, slot, [24, 32, 3], "rgb", time.monotonic())

    async def play(self, number: int, seconds: float) -> Any:
        samples = np.zeros((round(8000 * seconds), 1), np.float32)
        return await self.calls.call_play_samples("s", number, 8000, 1, True, payload=samples.tobytes())

    def names(self, kind: str) -> list[str | None]:
        """Who stood there, in order."""
        told = [one[kind] and one[kind]["name"] for one in self.told if one["type"] == "processors"]
        return [name for before, name in zip([object(), *told], told, strict=False) if before != name]


@pytest.fixture
async def room(kernel: KernelEnd, executor: ThreadPoolExecutor) -> Any:
    room = Room(kernel, executor)
    yield room
    await room.session.close()


async def test_what_is_shown_stands_in_the_place_of_a_processor(room: Room) -> None:
    """And the processor is named again when nothing is shown any more."""
    room.session.processing.subscribe_video(
        7, "camera", processor={"name": "effect", "controls": {}}, format="rgb", label="effect"
    )
    await room.show(1)
    await room.calls.call_hide("s")
    assert room.names("video") == ["effect", "lab.show", "effect"]


async def test_what_is_played_is_named_where_nothing_else_is_heard(room: Room) -> None:
    """From its beginning to its end, which comes although nobody listens."""
    answer = await room.play(1, 0.2)
    assert answer["duration_s"] == pytest.approx(0.2)
    async with asyncio.timeout(60):
        while room.session.processing.stage.players:
            await asyncio.sleep(0.01)
    assert room.names("audio") == ["lab.play", None]


async def test_a_picture_that_comes_after_the_end_brings_nothing_back(room: Room) -> None:
    """One that was on its way when another was shown; its memory is the kernel's again."""
    await room.show(1)
    await room.show(2)
    answer = await room.show(1)
    assert answer["state"] == "replaced"
    assert room.session.processing.stage.pictures.shown.number == 2
    header, _ = await room.kernel.next("free")
    assert header["slot"]


async def test_a_command_for_what_has_ended_is_no_error(room: Room) -> None:
    """It just answers that there is none."""
    await room.play(1, 5.0)
    assert (await room.calls.call_playback("s", 1, "pause"))["state"] == "paused"
    assert (await room.calls.call_playback("s", 1, "stop"))["state"] == "stopped"
    assert await room.calls.call_playback("s", 1, "resume") is None


async def test_the_kernel_is_told_whether_somebody_listens(room: Room) -> None:
    """Once each time it changes, and that nobody does when the page has stopped."""
    told: list[bool] = []
    stats = {"type": "stats", "fps": 30, "listening": True}
    page = room.session.pages
    page.received("1", {"type": "status", "state": "live", "error": None})
    for message in (stats | {"listening": False}, stats, stats):
        page.received("1", message)
    page.received("1", {"type": "status", "state": "idle", "error": None})
    async with asyncio.timeout(60):
        while len(told) < 3:
            header, _ = await room.kernel.next("event")
            if header["name"] == "listening":
                told.append(header["listening"])
    assert told == [False, True, False]
