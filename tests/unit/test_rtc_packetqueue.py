"""Packets for one reader: what is kept, what is dropped, and when a keyframe is asked for."""

from __future__ import annotations

import asyncio
import threading

import pytest

from smallrtc_lab.errors import ClosedError
from smallrtc_lab.rtc.encoders import Encoded
from smallrtc_lab.rtc.packetqueue import PacketQueue


def piece(number: int, *, keyframe: bool = False) -> Encoded:
    return Encoded(b"%d" % number, number, keyframe)


class Asked:
    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1


async def reading(queue: PacketQueue) -> asyncio.Task[Encoded]:
    """A reader that waits."""
    task = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    return task


async def numbers(queue: PacketQueue, count: int) -> list[int]:
    async with asyncio.timeout(60):
        return [(await queue.get()).pts for _ in range(count)]


async def test_it_begins_with_a_keyframe_that_the_reader_asked_for():
    """Nothing is kept before somebody reads; then a keyframe is asked for, and what comes before it left out."""
    asked = Asked()
    queue = PacketQueue(5, asked)
    queue.put(piece(1, keyframe=True))
    assert not queue.reading
    reader = await reading(queue)
    assert asked.count == 1
    assert queue.reading
    for number in (2, 3, 4):
        queue.put(piece(number, keyframe=number == 3))
    assert (await reader).pts == 3
    assert await numbers(queue, 1) == [4]
    assert queue.dropped == 0


async def test_a_reader_that_stalls_goes_on_with_a_keyframe():
    """Too many waiting pieces are dropped; nothing more is kept until the reader is back, and a keyframe with it."""
    asked = Asked()
    queue = PacketQueue(3, asked)
    reader = await reading(queue)
    for number in range(5):
        queue.put(piece(number, keyframe=number == 0))
    assert (queue.stalls, queue.dropped, queue.reading) == (1, 4, False)
    await asyncio.sleep(0)
    await asyncio.sleep(0)  # woken, it finds nothing and asks again
    assert asked.count == 2
    assert queue.reading
    queue.put(piece(8))
    queue.put(piece(9, keyframe=True))
    assert (await asyncio.wait_for(reader, 60)).pts == 9


async def test_pieces_come_from_any_thread_in_order():
    """A thread puts, the loop reads."""
    queue = PacketQueue(500, lambda: None)
    reader = await reading(queue)
    thread = threading.Thread(target=lambda: [queue.put(piece(n, keyframe=True)) for n in range(300)])
    thread.start()
    assert (await asyncio.wait_for(reader, 60)).pts == 0
    assert await numbers(queue, 299) == list(range(1, 300))
    thread.join()


async def test_a_reader_that_is_cancelled_loses_nothing():
    """A piece that came meanwhile is there for the next get."""
    queue = PacketQueue(5, lambda: None)
    reader = await reading(queue)
    queue.put(piece(1, keyframe=True))
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    assert await numbers(queue, 1) == [1]


async def test_the_end_and_a_second_reader():
    """Closing ends whoever waits; a track has one reader, and the second is told so."""
    queue = PacketQueue(5, lambda: None)
    reader = await reading(queue)
    with pytest.raises(RuntimeError, match="one connection"):
        await queue.get()
    queue.close()
    with pytest.raises(ClosedError):
        await asyncio.wait_for(reader, 60)
    with pytest.raises(ClosedError):
        await queue.get()
    queue.put(piece(1, keyframe=True))
    assert not queue.reading


def test_a_loop_that_has_ended_is_a_reader_that_has_left():
    """A piece for it is no error, and nobody encodes for it any more."""

    async def leave(queue: PacketQueue) -> None:
        task = await reading(queue)
        task.cancel()

    queue = PacketQueue(2, lambda: None)
    loop = asyncio.new_event_loop()
    pending = loop.create_task(queue.get())
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    queue.put(piece(1, keyframe=True))
    assert not queue.reading
    del pending
