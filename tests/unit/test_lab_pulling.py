"""Iterators over a stream: what they take they give back, also what comes while they end."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import pytest

from smallrtc_lab.errors import ClosedError, NotLiveError, StreamTimeout
from smallrtc_lab.framing import Header
from smallrtc_lab.lab.mirror import Mirror
from smallrtc_lab.lab.pulling import Puller


class Client:
    """Counts slots that came back."""

    def __init__(self) -> None:
        self.freed: list[Any] = []

    def free(self, header: Header) -> None:
        self.freed.append(header["slot"])


class Access:
    """A session whose engine a test plays."""

    def __init__(self, *, live: bool = True) -> None:
        self.mirror = Mirror(lambda name, old, new: None)
        self.mirror.update(state="live" if live else "idle")
        self.client = Client()
        self.deliver: Callable[[Header, bytes], None] | None = None
        self.unsubscribed: list[int] = []
        self.done_for: list[int] = []
        self.before_the_answer: list[Header] = []

    def subscribe(self, kind: str, delivery: Callable[[Header, bytes], None], **request: Any) -> int:
        self.deliver = delivery
        return 7

    def unsubscribe(self, number: int, after: Callable[[], object]) -> None:
        self.unsubscribed.append(number)
        for header in self.before_the_answer:  # on its way when the kernel said enough
            self.send(header)
        after()

    def done(self, number: int, header: Header) -> None:
        self.done_for.append(number)
        self.client.free(header)

    def send(self, header: Header) -> None:
        assert self.deliver is not None
        self.deliver(header, b"")


class Numbers(Puller[int]):
    """Items are their slots."""

    def _item(self, header: Header, payload: bytes) -> int:
        if header["slot"] < 0:
            raise ValueError("cannot be read")
        return int(header["slot"])


def item(slot: int, dropped: int = 0) -> Header:
    """A delivery."""
    return {"subscription": 7, "slot": slot, "dropped": dropped}


def test_items_come_in_order_and_are_given_back() -> None:
    """Each item taken is answered; how many were dropped is known."""
    access = Access()
    numbers = Numbers(access, "video", 0.05)  # type: ignore[arg-type]
    for slot in (1, 2):
        access.send(item(slot, dropped=slot * 10))
    assert (next(numbers), next(numbers), numbers.dropped) == (1, 2, 20)
    assert (access.done_for, access.client.freed) == ([7, 7], [1, 2])
    with pytest.raises(StreamTimeout, match=r"nothing came for 0\.05 s; the lab is live"):
        next(numbers)
    assert access.unsubscribed == [7]


def test_what_waits_or_comes_while_it_closes_goes_back() -> None:
    """No slot is lost between the last item and the end."""
    access = Access()
    access.before_the_answer = [item(3)]
    with Numbers(access, "video", 1) as numbers:  # type: ignore[arg-type]
        access.send(item(1))
        access.send(item(2))
        next(numbers)
    numbers.close()
    assert access.client.freed == [1, 2, 3]
    assert access.unsubscribed == [7]
    assert list(numbers) == []


async def test_after_its_end_both_loops_end() -> None:
    """A closed iterator ends `for` and `async for` alike."""
    access = Access()
    numbers = Numbers(access, "video", 1)  # type: ignore[arg-type]
    access.send(item(1))
    async for number in numbers:
        assert number == 1
        numbers.close()
    with pytest.raises(StopAsyncIteration):
        await numbers.__anext__()
    with pytest.raises(StopIteration):
        next(numbers)


async def test_async_waiting_has_its_time() -> None:
    """Nothing for that long ends the loop with the lab's state."""
    access = Access()
    numbers = Numbers(access, "video", 0.05)  # type: ignore[arg-type]
    with pytest.raises(StreamTimeout):
        await numbers.__anext__()
    assert access.unsubscribed == [7]


def test_an_item_that_cannot_be_read_is_given_back() -> None:
    """The error reaches the loop, the slot the engine."""
    access = Access()
    numbers = Numbers(access, "video", 1)  # type: ignore[arg-type]
    access.send(item(-1))
    with pytest.raises(ValueError, match="cannot be read"):
        next(numbers)
    assert access.client.freed == [-1]


def test_dropping_it_ends_it() -> None:
    """A loop that was left by `break` keeps no subscription."""
    access = Access()
    numbers = Numbers(access, "video", 1)  # type: ignore[arg-type]
    del numbers
    gc.collect()
    assert access.unsubscribed == [7]


def test_before_live_it_does_not_begin() -> None:
    """The error says what to do, and nothing was subscribed."""
    access = Access(live=False)
    with pytest.raises(NotLiveError):
        Numbers(access, "video", 1)  # type: ignore[arg-type]
    assert access.deliver is None
    assert access.unsubscribed == []


async def test_a_closed_lab_ends_the_wait_at_once() -> None:
    """Whoever waits for a frame is told that the lab was closed, however long it would have waited."""
    for awaited in (False, True):
        access = Access()
        numbers = Numbers(access, "video", 600.0)  # type: ignore[arg-type]
        access.mirror.update(state="closed")
        with pytest.raises(ClosedError, match="make a new Lab"):
            await anext(numbers) if awaited else next(numbers)
        assert access.unsubscribed == [7]
        assert access.mirror._watchers == []
