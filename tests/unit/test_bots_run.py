"""A bot on a thread and loop of its own: its life, its end and its errors."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

from smallrtc_lab.bots import run as run_module
from smallrtc_lab.bots.arguments import RunnerArguments
from smallrtc_lab.bots.run import BotRun

DEADLINE_S = 10.0


class Connection:
    """A connection's end, without a wire."""

    def __init__(self) -> None:
        self.closed_by: list[str] = []
        self._callbacks: list[Callable[[Any], None]] = []

    def call_when_closed(self, callback: Callable[[Any], None]) -> None:
        self._callbacks.append(callback)

    async def disconnect(self) -> None:
        self.closed_by.append(threading.current_thread().name)

    def leave(self) -> None:
        for callback in self._callbacks:
            callback(self)


class Watched:
    """A run, what it reported and whether it is over."""

    def __init__(self, bot: Any) -> None:
        self.reports: list[str] = []
        self.over = threading.Event()
        self.connection = Connection()
        self.run = BotRun(bot, self.reports.append, lambda run: self.over.set())

    def begin(self, body: Any = None) -> None:
        async def begin() -> None:
            self.run.begin(RunnerArguments(self.connection, body))

        self.run.submit(begin()).result(DEADLINE_S)

    def leave(self) -> None:
        async def leave() -> None:
            self.connection.leave()

        self.run.submit(leave()).result(DEADLINE_S)


def test_a_bot_that_returns_ends_its_client() -> None:
    """It runs on its own thread with what the client sent; afterwards the client is told and the thread is gone."""
    seen: list[Any] = []

    async def bot(runner_args: RunnerArguments) -> None:
        seen.append((runner_args.body, threading.current_thread().name))

    watched = Watched(bot)
    watched.begin({"a": 1})
    assert watched.over.wait(DEADLINE_S)
    assert watched.run.join(DEADLINE_S)
    assert [body for body, _ in seen] == [{"a": 1}]
    assert watched.connection.closed_by == [seen[0][1]]
    assert seen[0][1] != threading.current_thread().name
    assert watched.reports == []


def test_an_error_is_reported_with_its_own_lines() -> None:
    """The traceback begins in the bot, and the client is told that it is over."""

    async def bot(runner_args: RunnerArguments) -> None:
        raise LookupError("no such voice")

    watched = Watched(bot)
    watched.begin()
    assert watched.over.wait(DEADLINE_S)
    (report,) = watched.reports
    assert report.endswith("LookupError: no such voice")
    assert "bots/run.py" not in report
    assert len(watched.connection.closed_by) == 1


def test_a_client_that_leaves_lets_its_bot_finish() -> None:
    """A bot that notices and returns is not cancelled."""
    ended: list[str] = []

    async def bot(runner_args: RunnerArguments) -> None:
        await asyncio.sleep(0.3)
        ended.append("by itself")

    watched = Watched(bot)
    watched.begin()
    watched.leave()
    assert watched.over.wait(DEADLINE_S)
    assert ended == ["by itself"]


def test_a_bot_that_stays_is_cancelled(monkeypatch: Any) -> None:
    """One that does not end after its client left is cancelled, without a report."""
    monkeypatch.setattr(run_module, "AFTER_CLIENT_S", 0.1)

    async def bot(runner_args: RunnerArguments) -> None:
        await asyncio.sleep(3600)

    watched = Watched(bot)
    watched.begin()
    watched.leave()
    assert watched.over.wait(DEADLINE_S)
    assert watched.reports == []


def test_stop_ends_a_run_with_and_without_a_bot() -> None:
    """Also one whose client never came; stopping twice is no error, and nothing is left to submit to."""

    async def bot(runner_args: RunnerArguments) -> None:
        await asyncio.sleep(3600)

    for begins in (True, False):
        watched = Watched(bot)
        if begins:
            watched.begin()
        watched.run.stop()
        assert watched.run.join(DEADLINE_S)
        watched.run.stop()
        assert watched.run.submit(asyncio.sleep(0)).cancelled()


def test_a_bot_that_blocks_or_will_not_end_is_named(monkeypatch: Any) -> None:
    """What cannot be ended is said in words; it keeps nobody waiting for longer than the deadline."""
    monkeypatch.setattr(run_module, "AFTER_CANCEL_S", 0.1)
    free = threading.Event()

    async def blocks(runner_args: RunnerArguments) -> None:
        free.wait(DEADLINE_S)

    watched = Watched(blocks)
    watched.begin()
    watched.run.stop()
    began_s = time.monotonic()
    assert not watched.run.join(0.2)
    assert time.monotonic() - began_s < DEADLINE_S / 2
    assert "blocks does not end" in watched.reports[0]
    free.set()
    assert watched.run.join(DEADLINE_S)

    async def stubborn(runner_args: RunnerArguments) -> None:
        for _ in range(20):
            try:
                await asyncio.sleep(0.05)
            except asyncio.CancelledError:
                continue

    watched = Watched(stubborn)
    watched.begin()
    watched.run.stop()
    assert watched.run.join(DEADLINE_S)
    assert "stubborn goes on although it was cancelled" in watched.reports[0]
