"""Heartbeat: alive, lost, back, dead."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from smallrtc_lab.rtc.heartbeat import Heartbeat, Pulse


async def until(condition: Callable[[], bool]) -> None:
    """Wait until it holds."""
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


async def test_pings_that_stop_are_lost_and_then_dead():
    """Nothing is said before the first ping; then the pulse follows the pings."""
    changes: list[Pulse] = []
    heart = Heartbeat(changes.append, lost_after_s=0.4, dead_after_s=1.2)
    await asyncio.sleep(0.5)
    assert changes == []
    for _ in range(6):
        heart.beat()
        await asyncio.sleep(0.1)
    assert changes == [Pulse.ALIVE]
    await until(lambda: len(changes) == 2)
    heart.beat()
    assert changes == [Pulse.ALIVE, Pulse.LOST, Pulse.ALIVE]
    await until(lambda: len(changes) == 5)
    assert changes == [Pulse.ALIVE, Pulse.LOST, Pulse.ALIVE, Pulse.LOST, Pulse.DEAD]
    heart.beat()
    assert heart.pulse is Pulse.DEAD


async def test_a_stopped_heartbeat_says_nothing():
    """After stop() no timer fires and no ping counts."""
    changes: list[Pulse] = []
    heart = Heartbeat(changes.append, lost_after_s=0.05, dead_after_s=0.1)
    heart.beat()
    heart.stop()
    heart.beat()
    await asyncio.sleep(0.2)
    assert changes == [Pulse.ALIVE]
