"""Bounded streams between tasks of one loop."""

from __future__ import annotations

import asyncio
import time

import pytest

from smallrtc_lab.errors import ClosedError
from smallrtc_lab.media.streams import BoundedQueue, LatestSlot


async def test_latest_slot_keeps_the_newest_and_counts_the_rest() -> None:
    """A slot hands out the newest item only and counts what nobody took."""
    slot: LatestSlot[int] = LatestSlot()
    for number in range(5):
        slot.put(number)
    assert await slot.get() == 4
    assert slot.dropped == 4
    assert slot.get_nowait() is None


async def test_taken_items_are_not_counted_as_dropped() -> None:
    """An item that was taken in time is not counted."""
    slot: LatestSlot[int] = LatestSlot()
    for number in range(5):
        slot.put(number)
        assert slot.get_nowait() == number
    assert slot.dropped == 0


async def test_queue_drops_the_oldest() -> None:
    """A full queue drops from its old end and keeps the order of the rest."""
    queue: BoundedQueue[int] = BoundedQueue(3)
    for number in range(5):
        queue.put(number)
    assert len(queue) == 3
    assert [await queue.get() for _ in range(3)] == [2, 3, 4]
    assert queue.dropped == 2


async def test_get_waits_for_an_item() -> None:
    """A waiting get returns as soon as an item is put."""
    slot: LatestSlot[str] = LatestSlot()
    task = asyncio.create_task(slot.get())
    await asyncio.sleep(0)
    assert not task.done()
    slot.put("here")
    assert await asyncio.wait_for(task, 30) == "here"


async def test_close_wakes_everyone_and_counts_what_is_left() -> None:
    """Closing ends present and later waits with ClosedError, and counts what was never taken."""
    queue: BoundedQueue[int] = BoundedQueue(4)
    waiting = [asyncio.create_task(queue.get()) for _ in range(3)]
    await asyncio.sleep(0)
    queue.close()
    results = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 30)
    assert [type(result) for result in results] == [ClosedError] * 3

    full: BoundedQueue[int] = BoundedQueue(4)
    full.put(1)
    full.close()
    full.put(2)
    assert full.closed
    assert len(full) == 0
    assert full.get_nowait() is None
    assert full.dropped == 2
    with pytest.raises(ClosedError):
        await full.get()


async def test_close_wins_over_an_item_put_in_the_same_moment() -> None:
    """A waiter woken for an item that close then dropped gets ClosedError, and the item is counted."""
    slot: LatestSlot[int] = LatestSlot()
    task = asyncio.create_task(slot.get())
    await asyncio.sleep(0)
    slot.put(1)
    slot.close()
    with pytest.raises(ClosedError):
        await asyncio.wait_for(task, 30)
    assert slot.dropped == 1


async def test_each_waiter_gets_one_item() -> None:
    """Several waiting tasks share the items in the order in which they came."""
    queue: BoundedQueue[int] = BoundedQueue(8)
    tasks = [asyncio.create_task(queue.get()) for _ in range(3)]
    await asyncio.sleep(0)
    for number in range(3):
        queue.put(number)
    assert await asyncio.wait_for(asyncio.gather(*tasks), 30) == [0, 1, 2]


async def test_a_cancelled_get_loses_nothing() -> None:
    """An item whose waiter is cancelled at the last moment goes to the next in line."""
    queue: BoundedQueue[int] = BoundedQueue(8)
    first = asyncio.create_task(queue.get())
    second = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.put(7)
    first.cancel()
    assert await asyncio.wait_for(second, 30) == 7
    assert queue.dropped == 0
    third = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    third.cancel()
    await asyncio.gather(third, return_exceptions=True)
    queue.put(8)
    assert queue.get_nowait() == 8


def test_a_queue_needs_room() -> None:
    """A queue of no items is refused."""
    with pytest.raises(ValueError, match="at least 1"):
        BoundedQueue(0)


async def test_hand_over_is_cheap() -> None:
    """Putting and taking costs microseconds."""
    slot: LatestSlot[int] = LatestSlot()
    count = 20_000
    started_s = time.perf_counter()
    for number in range(count):
        slot.put(number)
        await slot.get()
    each_us = (time.perf_counter() - started_s) / count * 1e6
    print(f"put and get: {each_us:.2f} µs")
    assert each_us < 500
