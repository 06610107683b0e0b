"""How late a real loop comes to its turn."""

from __future__ import annotations

import asyncio
import time

import pytest

from smallrtc_lab.engine.lateness import LoopLateness


async def test_a_free_loop_is_on_time_and_one_that_stands_still_is_late() -> None:
    """Nine of ten ticks count, so one that came late by chance does not."""
    lateness = LoopLateness()
    assert lateness.take() is None
    await asyncio.sleep(0.5)
    free_s = lateness.take()
    for _ in range(6):
        time.sleep(0.2)
        await asyncio.sleep(0.03)
    kept_s = lateness.take()
    assert free_s is not None
    assert kept_s is not None
    assert free_s < 0.1 < kept_s
    lateness.stop()


async def test_it_ticks_only_while_somebody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A session without a browser costs nothing; with the next one it begins again."""
    monkeypatch.setattr("smallrtc_lab.engine.lateness.UNREAD_S", 0.1)
    lateness = LoopLateness()
    assert not lateness.ticking
    lateness.take()
    assert lateness.ticking
    await asyncio.sleep(0.5)
    assert not lateness.ticking
    assert lateness.take() is None
    assert lateness.ticking
    lateness.stop()
    assert not lateness.ticking
