"""Credentials kept fresh: when sources are asked again, and what is said when they fail."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from support.waiting import until

from smallrtc_lab.turn import Credentials, CredentialsError, follow
from smallrtc_lab.turn.follow import Follower, where_of

TURN = [{"urls": ["turn:turn.example"], "username": "u", "credential": "c"}]


class Told:
    """What a follower tells."""

    def __init__(self, source: Callable[[], Any], answer_s: float = 60.0) -> None:
        self.got: list[Any] = []
        self.failed: list[str] = []
        self.follower = Follower(source, got=self.got.append, failed=self.failed.append, answer_s=answer_s)

    @contextlib.asynccontextmanager
    async def running(self) -> Any:
        task = asyncio.ensure_future(self.follower.run())
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_new_ones_come_before_the_old_ones_end() -> None:
    """A source is asked again before what it gave expires, as often as that is."""
    ends: list[float] = []

    def source() -> Credentials:
        ends.append(time.time() + 2)
        return Credentials(TURN, ends[-1])

    async with Told(source).running() as told:
        await until(lambda: len(told.got) >= 2)
    assert told.got[:2] == [TURN, TURN]
    assert told.failed == []


async def test_a_failure_is_told_and_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a source raises is told by its kind and line, never by its text; the next try may be good."""
    monkeypatch.setattr(follow, "_AGAIN_S", (0.05,))
    calls = 0

    def mine() -> Any:
        nonlocal calls
        calls += 1
        if calls < 3:
            raise RuntimeError("https://turn.example/?key=hush refused")
        return TURN

    async with Told(mine).running() as told:
        await until(lambda: told.got)
    assert len(told.failed) == 2
    assert "RuntimeError" in told.failed[0]
    assert "mine()" in told.failed[0]
    assert "hush" not in str(told.failed)


async def test_async_functions_and_callable_objects_are_sources() -> None:
    """A coroutine function, a function that gives an awaitable, and an object with an async call."""

    async def slow() -> Any:
        await asyncio.sleep(0)
        return {"iceServers": TURN}

    class Mine:
        async def __call__(self) -> Any:
            return TURN

    for source in (slow, lambda: slow(), Mine()):
        assert (await Told(source).follower.ask()).ice_servers == TURN


async def test_a_source_that_never_returns_costs_one_thread_and_no_waiting() -> None:
    """It is given up at its deadline, and not called again while it still runs; the loop is not held up."""
    release = threading.Event()
    follower = Told(lambda: release.wait(60), answer_s=0.1).follower
    with pytest.raises(CredentialsError, match="no answer within"):
        await follower.ask()
    before = threading.active_count()
    with pytest.raises(CredentialsError, match="has not returned"):
        await follower.ask()
    assert threading.active_count() == before
    release.set()


async def test_a_source_that_returns_after_the_end_does_no_harm() -> None:
    """Its thread finds a loop that was closed, and ends without a word."""
    release = threading.Event()
    loop = asyncio.new_event_loop()
    follower = Told(lambda: release.wait(60), answer_s=0.05).follower

    def run() -> None:
        with contextlib.suppress(CredentialsError):
            loop.run_until_complete(follower.ask())
        loop.close()

    await asyncio.to_thread(run)
    thread = follower._thread
    assert thread is not None
    release.set()
    await asyncio.to_thread(thread.join, 60)
    assert not thread.is_alive()


def test_a_source_is_named_by_its_own_words() -> None:
    """Where it has any; else by its function's name."""

    def mine() -> None: ...

    class Named:
        where = "https://turn.example"

        def __call__(self) -> None: ...

    assert where_of(mine) == "mine()"
    assert where_of(Named()) == "https://turn.example"
