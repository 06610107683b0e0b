"""A budget at work, over real WebRTC to a simulated browser."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from support.kernelend import KernelEnd
from support.waiting import until

from smallrtc_lab.engine import budget
from smallrtc_lab.engine.arena import SlotRef
from smallrtc_lab.engine.session import Session
from smallrtc_lab.engine.shedding import asked_frame_rate

VIDEO = {"name": "pattern", "width": 320, "height": 240, "frame_rate": 30}


async def answer(kernel: KernelEnd, session: Session, late_s: float) -> int:
    """A function in the kernel begins so late with a picture; how wide that is."""
    header, _ = await kernel.next("deliver")
    kernel.bridge.pool.release(SlotRef.from_json(header["slot"]))
    began_s = header["decoded_s"] + late_s
    session.processing.done({"session": "s", "subscription": 3, "began_s": began_s, "ran_s": 0.0})
    return int(header["width"])


async def test_late_pictures_come_smaller_and_fewer_and_recover(
    kernel: KernelEnd, executor: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit is missed: the browser sends less, pages and kernel are told; all comes back when there is room."""
    monkeypatch.setattr(
        budget, "LEVELS", (budget.LEVELS[0], budget.LEVELS[-1])
    )  # for the steps cost seconds each
    monkeypatch.setattr(budget, "EFFECT_S", 0.4)
    monkeypatch.setattr(budget, "PATIENCE_S", 0.4)
    monkeypatch.setattr(budget, "REST_S", 0.4)
    told: list[dict[str, Any]] = []
    session = Session(
        "s", {"max_delay_s": 2.0}, kernel.bridge, executor, lambda key, message: told.append(message)
    )
    session.pages.opened("1")
    session.pages.received("1", {"type": "hello", "version": 1, "page": "p"})
    await session.simulate(VIDEO, None)
    await until(lambda: session.flow.live)
    session.processing.subscribe_video(3, "camera", processor=None, format="gray", label="slow", native=True)
    while session.budget.level != budget.LEVELS[-1] or await answer(kernel, session, 30.0) != 160:
        await answer(kernel, session, 30.0)
    asked = [message for message in told if message["type"] == "ask"]
    assert asked[-1] == {"type": "ask", "scale": 0.5, "max_frame_rate": 10.0}
    problems = [message for message in told if message["type"] == "problem"]
    assert problems[-1]["message"].startswith("Showing 10 pictures/s at 50% of their size")
    assert (await session.stats())["budget"]["level"] == len(budget.LEVELS) - 1
    while session.budget.level != budget.LEVELS[0] or await answer(kernel, session, 0.0) != 320:
        await answer(kernel, session, 0.0)
    problems = [message for message in told if message["type"] == "problem"]
    assert (problems[-1]["code"], problems[-1]["count"]) == ("shedding", 0)
    await session.close()


@pytest.mark.parametrize(
    ("video", "rate"),
    [
        ({"frameRate": {"ideal": 15}}, 15.0),
        ({"frameRate": 25}, 25.0),
        ({}, 30.0),
        (False, 30.0),
        (None, 30.0),
    ],
)
def test_the_rate_that_was_asked_for(video: Any, rate: float) -> None:
    """As a number, a constraint, or not at all."""
    assert asked_frame_rate(video) == rate
