"""Messages that are stuck: seen after a while, over when something moves."""

from __future__ import annotations

import asyncio

from smallrtc_lab.rtc.stall import Progress, StallWatch


async def changed(watch: StallWatch, stuck: bool) -> None:
    async with asyncio.timeout(10):
        while watch.stuck is not stuck:
            await asyncio.sleep(0.01)


async def test_nothing_acknowledged_is_stuck_until_something_is() -> None:
    """Stuck is said once, and once more when the other side takes something again."""
    progress: Progress | None = Progress(7, True)
    said: list[bool] = []
    watch = StallWatch(lambda: progress, said.append, stuck_after_s=0.1)
    watch.sent()
    watch.sent()
    await changed(watch, True)
    progress = Progress(8, True)
    await changed(watch, False)
    await changed(watch, True)
    progress = Progress(9, False)
    await changed(watch, False)
    assert said == [True, False, True, False]
    watch.stop()


async def test_what_moves_slowly_is_not_stuck() -> None:
    """As long as something is acknowledged now and then, nothing is said."""
    taken, said = 0, []

    def read() -> Progress:
        nonlocal taken
        taken += 1
        return Progress(taken, taken < 8)

    watch = StallWatch(read, said.append, stuck_after_s=0.05)
    watch.sent()
    async with asyncio.timeout(10):
        while taken < 8:
            await asyncio.sleep(0.01)
    assert said == []


async def test_a_client_that_is_gone_is_not_stuck() -> None:
    """Without a client there is nothing to say, and closing ends what was said."""
    said: list[bool] = []
    gone = StallWatch(lambda: None, said.append, stuck_after_s=0.02)
    gone.sent()
    stuck = StallWatch(lambda: Progress(1, True), said.append, stuck_after_s=0.02)
    stuck.sent()
    await changed(stuck, True)
    stuck.stop()
    assert said == [True, False]
