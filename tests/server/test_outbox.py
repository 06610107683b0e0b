"""The bounded queue before a WebSocket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from smallrtc_lab.server.limits import Limits
from smallrtc_lab.server.outbox import Outbox


class Wire:
    """A wire in memory that takes messages while `open_gate` is set."""

    def __init__(self) -> None:
        self.sent: list[str | bytes] = []
        self.ending: tuple[int, str] | str | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.ended = asyncio.Event()

    async def send(self, message: str | bytes) -> None:
        await self.gate.wait()
        if self.ended.is_set():
            raise ConnectionError
        self.sent.append(message)

    def close(self, code: int, reason: str) -> None:
        self.ending = (code, reason)
        self.ended.set()

    def abort(self) -> None:
        self.ending = "cut"
        self.ended.set()

    async def wait_closed(self) -> None:
        await self.ended.wait()


@pytest.fixture
async def wire() -> Wire:
    return Wire()


@pytest.fixture
async def outbox_of(wire: Wire) -> AsyncIterator[Callable[..., Outbox]]:
    made: list[Outbox] = []

    def make(**limits: float) -> Outbox:
        made.append(Outbox(wire, Limits(**limits), name="test"))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for outbox in made:
        await outbox.ended(0.1)


async def turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_messages_keep_their_order_and_go_before_the_close(
    wire: Wire, outbox_of: Callable[..., Outbox]
) -> None:
    """What was queued is written in order, then the socket is closed, and later messages are not taken."""
    outbox = outbox_of()
    for text in "abc":
        assert outbox.put(text)
    outbox.close(4001, "why")
    outbox.put("late")
    await turns()
    assert wire.sent == ["a", "b", "c"]
    assert wire.ending == (4001, "why")


async def test_full_queue_drops_the_oldest_statistics_first(
    wire: Wire, outbox_of: Callable[..., Outbox]
) -> None:
    """Droppable messages make room for others, oldest first, and are counted."""
    outbox = outbox_of(max_queue_messages=3)
    wire.gate.clear()
    outbox.put("writing")
    await turns()
    assert outbox.put("s1", droppable=True)
    assert outbox.put("m1")
    assert outbox.put("s2", droppable=True)
    assert outbox.put("s3", droppable=True)
    assert outbox.put("m2")
    assert outbox.dropped == 2
    wire.gate.set()
    await turns()
    assert wire.sent == ["writing", "m1", "s3", "m2"]


async def test_full_queue_refuses_what_may_not_be_lost(wire: Wire, outbox_of: Callable[..., Outbox]) -> None:
    """When nothing can be dropped the owner is told, while a droppable message is dropped itself."""
    outbox = outbox_of(max_queue_messages=1)
    wire.gate.clear()
    outbox.put("writing")
    await turns()
    assert outbox.put("m1")
    assert not outbox.put("m2")
    assert outbox.put("s1", droppable=True)
    assert outbox.dropped == 1


async def test_bytes_are_bounded_too_but_one_large_message_goes(
    wire: Wire, outbox_of: Callable[..., Outbox]
) -> None:
    """The queue's size counts in bytes; a message larger than all of it may go when it is alone."""
    outbox = outbox_of(max_queue_bytes=10)
    wire.gate.clear()
    outbox.put("writing")
    await turns()
    assert outbox.put("x" * 100)
    assert not outbox.put("y")


async def test_in_turn_waits_for_room(wire: Wire, outbox_of: Callable[..., Outbox]) -> None:
    """Who may wait is let in when a message was written."""
    outbox = outbox_of(max_queue_messages=1)
    wire.gate.clear()
    outbox.put("1")
    await turns()
    outbox.put("2")
    waiting = asyncio.create_task(outbox.put_in_turn("3"))
    await turns()
    assert not waiting.done()
    wire.gate.set()
    await asyncio.wait_for(waiting, 30)
    await turns()
    assert wire.sent == ["1", "2", "3"]


async def test_a_write_that_takes_too_long_cuts_the_socket(
    wire: Wire, outbox_of: Callable[..., Outbox]
) -> None:
    """A reader that takes no byte until the deadline is cut, and whoever waits for room is released."""
    outbox = outbox_of(max_queue_messages=1, write_timeout_s=0.05)
    wire.gate.clear()
    outbox.put("1")
    await turns()
    outbox.put("2")
    await asyncio.wait_for(outbox.put_in_turn("3"), 30)
    assert wire.ending == "cut"


async def test_ended_cuts_a_socket_that_does_not_close(wire: Wire, outbox_of: Callable[..., Outbox]) -> None:
    """Waiting for the end has an end of its own, and leaves no task behind."""
    before = asyncio.all_tasks()
    outbox = outbox_of()
    wire.gate.clear()
    outbox.put("1")
    outbox.close(1001, "")
    await outbox.ended(0.05)
    assert wire.ending == "cut"
    assert asyncio.all_tasks() == before


async def test_a_closed_socket_ends_the_writing(wire: Wire, outbox_of: Callable[..., Outbox]) -> None:
    """A wire that raises because it is closed ends the outbox quietly."""
    outbox = outbox_of()
    wire.ended.set()
    outbox.put("1")
    await turns()
    assert outbox.closing
