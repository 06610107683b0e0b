"""Who gets which pictures and sounds, and whose results go back: in a whole session, over a real bridge."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from support.kernelend import KernelEnd

from smallrtc_lab.engine import processing
from smallrtc_lab.engine.arena import SlotRef
from smallrtc_lab.engine.session import Session
from smallrtc_lab.engine.subscriptions import TimedFrame
from smallrtc_lab.errors import EngineError
from smallrtc_lab.framing import Header
from smallrtc_lab.media.convert import from_picture


class Room:
    """A session with one page, and what that page was told."""

    def __init__(self, kernel: KernelEnd, executor: ThreadPoolExecutor) -> None:
        self.told: list[dict[str, Any]] = []
        self.kernel = kernel
        self.session = Session(
            "s", {}, kernel.bridge, executor, lambda key, message: self.told.append(message)
        )
        self.session.pages.opened("1")
        self.session.pages.received("1", {"type": "hello", "version": 1, "page": "p"})
        self.processing = self.session.processing

    def register(self, number: int, name: str) -> None:
        """A processor of pictures."""
        self.processing.subscribe_video(
            number, "camera", processor={"name": name, "controls": {}}, format="rgb", label=name
        )

    def frame(self, number: int) -> None:
        """The camera shows something."""
        camera = self.session.video["camera"]
        picture = from_picture(np.full((24, 32, 3), 10, np.uint8))
        timed = TimedFrame(picture, number, number / 30, 0.0)
        assert camera.on_frame is not None
        camera.on_frame(timed)
        for subscription in list(camera.subscriptions.values()):
            subscription.offer(timed)

    async def answer(self, number: int, **fields: Any) -> None:
        """The kernel is done with an item."""
        header: Header = {"type": "done", "session": "s", "subscription": number, **fields}
        returning = self.processing.done(header)
        if returning is not None:
            await returning

    def result(self, level: int = 200) -> Header:
        """A processed picture in a slot of the kernel's."""
        picture = np.full((24, 32, 3), level, np.uint8)
        return {"slot": self.kernel.lend(picture), "shape": list(picture.shape), "format": "rgb"}

    def seen(self) -> list[Any]:
        """What the page knows of the processor of pictures, in order."""
        return [
            m["video"] and (m["video"]["name"], m["video"]["state"])
            for m in self.told
            if m["type"] == "processors"
        ]


@pytest_asyncio.fixture
async def room(kernel: KernelEnd, executor: ThreadPoolExecutor) -> AsyncIterator[Room]:
    """A session that is closed afterwards."""
    room = Room(kernel, executor)
    yield room
    await room.session.close()


async def test_results_of_a_replaced_or_removed_processor_give_their_slots_back(room: Room) -> None:
    """Whichever answer comes too late for its processor, the kernel's slot returns: ten of them need only four."""
    for number in range(1, 11):
        room.register(number, "effect")
        room.frame(number)
        header, _ = await room.kernel.next("deliver")
        room.kernel.bridge.pool.release(SlotRef.from_json(header["slot"]))
        late = room.result()
        room.register(100 + number, "effect")
        if number % 2:
            await room.processing.unsubscribe(number)
        await room.answer(number, **late)
        room.kernel.take_back((await room.kernel.next("free"))[0])
        await room.processing.unsubscribe(number)
        await room.processing.unsubscribe(100 + number)
    assert room.processing.stats()["subscriptions"] == {}


async def test_a_result_belongs_to_its_own_frame(room: Room) -> None:
    """The next frame is with the kernel already when the answer to the one before is shown."""
    room.register(1, "effect")
    room.frame(1)
    await room.kernel.next("deliver")
    room.frame(2)
    shown = room.processing.done({"type": "done", "session": "s", "subscription": 1, "failed": True})
    await room.kernel.next("deliver")
    assert shown is not None
    await shown
    frame = await room.processing.video_return.track.recv()
    assert frame.time is not None
    assert frame.time * 30 == pytest.approx(1, abs=0.01)


async def test_the_page_is_told_whose_result_it_sees(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """Running, failed, running again, late until it is in time, replaced, gone; the same state is told once."""
    from smallrtc_lab.engine import returns

    room.register(1, "one")
    for fields in ({"failed": True}, {"failed": True}, room.result()):
        room.frame(1)
        await room.kernel.next("deliver")
        await room.answer(1, **fields)
    monkeypatch.setattr(returns, "LATE_S", 0.02)
    room.frame(2)
    await room.kernel.next("deliver")
    await asyncio.sleep(0.04)
    room.frame(3)
    await room.answer(1, **room.result())  # too late: the next one may be in time
    monkeypatch.setattr(returns, "LATE_S", 60.0)
    await room.kernel.next("deliver")
    assert room.seen()[-1] == ("one", "late")
    await room.answer(1, **room.result())
    room.register(2, "two")
    await room.processing.unsubscribe(1)
    await room.processing.unsubscribe(2)
    await room.processing.unsubscribe(2)
    assert room.seen() == [
        ("one", "running"),
        ("one", "failed"),
        ("one", "running"),
        ("one", "late"),
        ("one", "running"),
        ("two", "running"),
        None,
    ]
    assert room.processing.stats()["video_late"] == 1


async def test_what_a_program_sends_takes_the_place_of_a_processors_result(room: Room) -> None:
    """The page is told that the transport's pictures are seen, and the processor again when there are none any more."""
    room.register(1, "first")
    room.session.outlet("video", True)
    room.session.outlet("audio", True)
    assert room.told[-1]["audio"] == {"name": "lab.transport", "state": "running", "controls": {}}
    room.session.outlet("video", False)
    assert room.seen() == [
        ("first", "running"),
        ("lab.transport", "running"),
        ("lab.transport", "running"),
        ("first", "running"),
    ]


async def test_a_function_that_keeps_an_item_is_said_until_it_returns(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the bound kernel and page are told whose, and once more when it is over; a cell's own loop is not."""
    monkeypatch.setattr(processing, "STUCK_S", 60.0)
    room.register(1, "effect")
    room.processing.subscribe_video(2, "camera", processor=None)  # a loop in a cell: no label
    room.frame(1)
    await room.kernel.next("deliver")
    await room.kernel.next("deliver")
    room.processing.watch_stuck()
    assert "problem" not in [m["type"] for m in room.told]
    monkeypatch.setattr(processing, "STUCK_S", 0.02)
    await asyncio.sleep(0.05)
    room.processing.watch_stuck()
    problems = [m for m in room.told if m["type"] == "problem"]
    assert [(p["code"], p["count"]) for p in problems] == [("stuck-effect", 1)]
    await room.answer(1)
    room.processing.watch_stuck()
    room.processing.watch_stuck()
    problems = [m for m in room.told if m["type"] == "problem"]
    assert [(p["code"], p["count"]) for p in problems] == [("stuck-effect", 1), ("stuck-effect", 0)]


async def test_of_observers_that_share_a_thread_the_right_one_is_named(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that blocks is said, its neighbours are not, before and after it has returned."""
    monkeypatch.setattr(processing, "STUCK_S", 0.2)
    for number, name in ((1, "blocks"), (2, "waits"), (3, "waits too")):
        room.processing.subscribe_video(number, "camera", processor=None, label=name)
    room.frame(1)
    order = [(await room.kernel.next("deliver"))[0]["subscription"] for _ in range(3)]
    names = {1: "blocks", 2: "waits", 3: "waits too"}
    await asyncio.sleep(0.3)
    room.processing.watch_stuck()
    problems = [m for m in room.told if m["type"] == "problem"]
    assert [p["code"] for p in problems] == [f"stuck-{names[order[0]]}"]
    assert "observers of its kind wait for it" in problems[0]["message"]
    monkeypatch.setattr(processing, "STUCK_S", 60.0)
    await room.answer(order[0])
    room.processing.watch_stuck()
    problems = [m for m in room.told if m["type"] == "problem"]
    assert [(p["code"], p["count"]) for p in problems[1:]] == [(f"stuck-{names[order[0]]}", 0)]


async def test_a_source_that_is_not_there_is_named(room: Room) -> None:
    """The answer lists what there is."""
    with pytest.raises(EngineError, match="there are camera, screen"):
        room.processing.subscribe_video(1, "camara", processor=None)


async def test_closing_a_session_ends_everything_of_it(
    kernel: KernelEnd, executor: ThreadPoolExecutor
) -> None:
    """No task of subscriptions or figures runs on."""
    before = asyncio.all_tasks()
    room = Room(kernel, executor)
    room.register(1, "effect")
    room.processing.subscribe_audio(
        2, block=960, sample_rate=48000, channels=1, credits=4, processor={"name": "gain", "controls": {}}
    )
    await room.session.close()
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before
