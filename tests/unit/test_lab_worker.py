"""Threads for a person's functions, and the switch interval while they are there."""

from __future__ import annotations

import asyncio
import sys
import threading
import time

import pytest

from smallrtc_lab.lab import worker as worker_module
from smallrtc_lab.lab.worker import CallbackStopped, SwitchInterval, Worker


def test_jobs_run_one_by_one_in_order_on_one_thread() -> None:
    """The thread has the worker's name; a job that fails does not end it; close ends it after what is queued."""
    seen: list[object] = []
    worker = Worker("test worker")
    for n in range(50):
        assert worker.submit(lambda n=n: seen.append(n))  # type: ignore[misc]
    worker.submit(lambda: seen.append(1 // 0))
    worker.submit(lambda: seen.append(threading.current_thread().name))
    worker.close()
    assert worker.join(30)
    assert seen == [*range(50), "test worker"]


def test_the_queue_is_bounded() -> None:
    """What does not fit is dropped and counted."""
    gate = threading.Event()
    worker = Worker("test bounded", limit=3)
    worker.submit(gate.wait)  # type: ignore[arg-type]
    time.sleep(0.05)
    assert [worker.submit(lambda: None) for _ in range(5)] == [True, True, True, False, False]
    assert worker.dropped == 2
    gate.set()
    worker.close()
    assert worker.join(30)


def test_async_functions_are_awaited_on_the_workers_own_loop() -> None:
    """A coroutine function's result comes back, on the same loop each time."""
    loops: list[object] = []

    async def function(x: int, *, k: int) -> int:
        await asyncio.sleep(0)
        loops.append(asyncio.get_running_loop())
        return x + k

    results: list[int] = []
    worker = Worker("test async")
    for n in range(2):
        worker.submit(lambda n=n: results.append(worker.call(function, n, k=10)))  # type: ignore[misc]
    worker.close()
    assert worker.join(30)
    assert results == [10, 11]
    assert loops[0] is loops[1]
    assert loops[0].is_closed()  # type: ignore[attr-defined]


def stopped_after(worker: Worker, deadline_s: float = 30) -> float:
    """Ask the worker to stop its call until it does; how long that took."""
    begun_s = time.monotonic()
    while not worker.stop_call():
        assert time.monotonic() - begun_s < deadline_s
        time.sleep(0.02)
    return time.monotonic() - begun_s


def test_a_function_that_ran_too_long_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """An endless loop ends with CallbackStopped, also within `except Exception`; the next call runs."""
    monkeypatch.setattr(worker_module, "STOP_S", 0.7)
    ended: list[str] = []

    def endless() -> None:
        while True:
            try:
                time.sleep(0.001)
            except Exception:  # noqa: BLE001 - what a person may well write
                ended.append("caught")

    def job() -> None:
        try:
            worker.call(endless)
        except CallbackStopped as error:
            ended.append(str(error))

    worker = Worker("test endless")
    worker.submit(job)
    assert stopped_after(worker) > 0.1
    worker.submit(lambda: ended.append(worker.call(lambda: "next")))
    worker.close()
    assert worker.join(30)
    assert ended == ["it had not returned after 0.7 s and was stopped", "next"]


def test_a_function_that_has_just_begun_is_left_alone() -> None:
    """After the kernel was busy the engine has missed an answer for long, but this call is not to blame."""
    gate, results = threading.Event(), []
    worker = Worker("test innocent")
    worker.submit(lambda: results.append(worker.call(lambda: gate.wait(30))))
    time.sleep(0.1)
    assert not worker.stop_call()
    gate.set()
    worker.close()
    assert worker.join(30)
    assert results == [True]
    assert not worker.stop_call()


def test_prints_of_a_call_go_to_its_log(capsys: pytest.CaptureFixture[str]) -> None:
    """Lines printed by the function reach the sink, those of other threads go where they went."""
    lines: list[str] = []
    worker = Worker("test prints", log=lines.append)
    stdout = sys.stdout

    def function() -> None:
        print("one\ntwo", end="")
        print("three", file=sys.stderr)

    worker.submit(lambda: worker.call(function))
    worker.close()
    assert worker.join(30)
    print("mine")
    assert sorted(lines) in (["one", "three", "two"], ["one", "twothree"])
    assert capsys.readouterr().out == "mine\n"
    assert sys.stdout is stdout


def test_the_switch_interval_is_restored() -> None:
    """Lowered for the first user, restored after the last, whatever it was."""
    before_s = sys.getswitchinterval()
    try:
        sys.setswitchinterval(0.004)
        interval = SwitchInterval()
        interval.acquire()
        interval.acquire()
        interval.release()
        assert sys.getswitchinterval() == pytest.approx(0.0005)
        interval.release()
        assert sys.getswitchinterval() == pytest.approx(0.004)
        sys.setswitchinterval(0.0001)
        interval.acquire()
        assert sys.getswitchinterval() == pytest.approx(0.0001, abs=2e-6)  # shorter already
        interval.release()
        assert sys.getswitchinterval() == pytest.approx(0.0001, abs=2e-6)
    finally:
        sys.setswitchinterval(before_s)
