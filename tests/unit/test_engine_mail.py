"""Mail: messages for the browser wait here until its data channel takes them."""

from __future__ import annotations

import asyncio
from typing import Any

from smallrtc_lab.engine.mail import MAX_WAITING, Mail

LONG_S = 60.0


class Wire:
    """A connection whose data channel opens and closes by hand."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self._open = asyncio.Event()

    @property
    def takes_messages(self) -> bool:
        return self._open.is_set()

    def send_app_message(self, message: Any) -> bool:
        assert self.takes_messages, "a connection drops what it is given before its channel opens"
        self.sent.append(message)
        return True

    async def messages_taken(self, timeout_s: float) -> bool:
        async with asyncio.timeout(timeout_s):
            await self._open.wait()
        return True

    def open(self) -> None:
        self._open.set()

    def close(self) -> None:
        self._open.clear()


class Office:
    """A mail and what it told."""

    def __init__(self, patience_s: float = LONG_S) -> None:
        self.mail = Mail(self, patience_s=patience_s)
        self.problems: list[str] = []

    def problem(self, code: str, message: str, next_step: str) -> None:
        assert code == "messages-dropped"
        self.problems.append(message)


async def test_nothing_is_handed_to_a_connection_whose_channel_is_not_open() -> None:
    """Messages sent before and between connected and open arrive once, in order, when the channel opens."""
    office, wire = Office(), Wire()
    for number in range(40):
        await office.mail.send(number)
    office.mail.use(wire)
    await asyncio.sleep(0.01)
    rest = asyncio.gather(*(office.mail.send(number) for number in range(40, 80)))  # more than has room
    await asyncio.sleep(0.01)
    assert wire.sent == []
    wire.open()
    await rest
    await office.mail.emptied(LONG_S)
    assert wire.sent == list(range(80))
    assert (office.mail.dropped, office.problems) == (0, [])
    await office.mail.close()


async def test_what_a_browser_never_takes_is_dropped_and_told() -> None:
    """With fifty waiting a sender waits a little for room; then its message is counted and said."""
    office, wire = Office(patience_s=0.02), Wire()
    office.mail.use(wire)
    for number in range(MAX_WAITING + 1):
        await office.mail.send(number)
    assert office.mail.dropped == 1
    assert office.problems == ["1 message was dropped: the browser does not take what was sent before."]
    await office.mail.close()


async def test_what_one_connection_did_not_take_waits_for_the_next() -> None:
    """A connection that ends before its channel opened loses nothing."""
    office, first, second = Office(), Wire(), Wire()
    await office.mail.send("early")
    office.mail.use(first)
    await asyncio.sleep(0.01)
    office.mail.use(None)
    second.open()
    office.mail.use(second)
    await office.mail.emptied(LONG_S)
    assert (first.sent, second.sent) == ([], ["early"])
    await office.mail.close()


async def test_a_full_buffer_keeps_the_order() -> None:
    """What comes while older messages wait goes out behind them."""
    office, wire = Office(), Wire()
    wire.open()
    office.mail.use(wire)
    await office.mail.send(1)
    wire.close()
    await office.mail.send(2)
    wire.open()
    await office.mail.send(3)
    await office.mail.emptied(LONG_S)
    assert wire.sent == [1, 2, 3]
    await office.mail.close()


async def test_who_asks_for_room_loses_nothing_before_there_is_a_browser() -> None:
    """More than may wait is kept back by its sender, and goes out in order when somebody takes it."""
    office, wire = Office(), Wire()

    async def write() -> None:
        for number in range(MAX_WAITING + 20):
            assert await office.mail.room(LONG_S)
            await office.mail.send(number)

    writing = asyncio.ensure_future(write())
    await asyncio.sleep(0.05)
    assert not writing.done()
    assert not await office.mail.room(0.01)
    wire.open()
    office.mail.use(wire)
    async with asyncio.timeout(LONG_S):
        await writing
    await office.mail.emptied(LONG_S)
    assert wire.sent == list(range(MAX_WAITING + 20))
    assert office.problems == []
    await office.mail.close()


async def test_nothing_runs_after_close() -> None:
    """The task that waits for a channel ends."""
    office = Office()
    office.mail.use(Wire())
    await office.mail.send("never")
    await office.mail.close()
    assert [task for task in asyncio.all_tasks() if task.get_name() == "mail"] == []
