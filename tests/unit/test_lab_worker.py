"""Threads for a person's functions, and the switch interval while they are there."""

from __future__ import annotations

import asyncio
import sys
import threading
import time

import pytest

from smallrtc_lab.errors import ClosedError, StreamTimeout
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


async def waits_for_ever(heard: list[str], *, stubborn: bool) -> None:
    """Awaits; what is stubborn goes on when it is cancelled."""
    try:
        await asyncio.sleep(1000)
    except asyncio.CancelledError:
        heard.append("cancelled")
        while stubborn:
            time.sleep(0.001)
        raise


@pytest.mark.parametrize("stubborn", [False, True])
def test_an_async_function_that_waits_for_ever_is_cancelled(
    monkeypatch: pytest.MonkeyPatch, stubborn: bool
) -> None:
    """At what it awaits; one that goes on nevertheless is stopped as any; the next call is alone on its loop."""
    monkeypatch.setattr(worker_module, "STOP_S", 0.7)
    ended: list[str] = []

    async def after() -> None:
        ended.append(f"{len(asyncio.all_tasks())} task")

    def job() -> None:
        with pytest.raises(CallbackStopped):
            worker.call(waits_for_ever, ended, stubborn=stubborn)
        ended.append("stopped")

    worker = Worker("test async endless")
    worker.submit(job)
    worker.submit(lambda: worker.call(after))
    worker.close()
    stopped_after(worker, 60)
    while not ended:
        time.sleep(0.01)
    if stubborn:
        worker.stop_call()
    assert worker.join(60)
    assert ended == ["cancelled", "stopped", "1 task"]


def test_how_long_a_call_runs_is_known() -> None:
    """From any thread; none runs before and after."""
    gate = threading.Event()
    worker = Worker("test busy")
    assert worker.busy_s == 0
    worker.submit(lambda: worker.call(gate.wait, 60))
    deadline_s = time.monotonic() + 60
    while worker.busy_s < 0.05:
        assert time.monotonic() < deadline_s
        time.sleep(0.01)
    gate.set()
    worker.close()
    assert worker.join(60)
    assert worker.busy_s == 0


def test_what_ends_programs_ends_no_worker() -> None:
    """SystemExit and KeyboardInterrupt of a job are logged, and the next job runs."""
    done: list[int] = []

    def leave(kind: type[BaseException]) -> None:
        raise kind

    worker = Worker("test exit")
    for kind in (SystemExit, KeyboardInterrupt):
        worker.submit(lambda kind=kind: leave(kind))  # type: ignore[misc]
    worker.submit(lambda: done.append(1))
    worker.close()
    assert worker.join(60)
    assert done == [1]


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


def test_a_job_can_be_waited_for() -> None:
    """Its result, or what it raised, comes to whoever waits; the worker's own thread may not wait for itself."""
    worker = Worker("test waiting")
    assert worker.run(lambda: threading.current_thread().name, "job") == "test waiting"
    with pytest.raises(KeyError):
        worker.run(lambda: {}["nothing"], "job")
    with pytest.raises(RuntimeError, match="job would wait for itself"):
        worker.run(lambda: worker.run(lambda: 1, "job"), "outer")
    worker.close()
    assert worker.join(30)


def test_a_function_that_is_waited_for_is_stopped_after_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """As live: one that never returns is stopped, and one that cannot be stopped is told of."""
    monkeypatch.setattr(worker_module, "STOP_S", 1.0)

    def endless() -> None:
        while True:
            pass

    worker = Worker("test endless")

    def call() -> str:
        try:
            worker.call(endless)
        except CallbackStopped:
            return "stopped"
        return "returned"

    assert worker.run(call, "endless") == "stopped"
    gate = threading.Event()
    with pytest.raises(StreamTimeout, match="deaf has not returned"):
        worker.run(lambda: worker.call(gate.wait), "deaf")
    gate.set()
    worker.close()
    assert worker.join(30)


def test_nobody_waits_for_a_worker_that_was_closed() -> None:
    """A lab that is closed in the middle of a replay ends the replay with a sentence; no job waits behind the end."""
    worker = Worker("test closed")
    worker.close()
    assert not worker.submit(lambda: None)
    with pytest.raises(ClosedError, match="effect is called no more"):
        worker.run(lambda: 1, "effect")
    assert worker.join(30)
