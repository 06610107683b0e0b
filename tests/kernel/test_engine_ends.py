"""However a kernel or an engine ends: the other one notices, and nothing stays."""

from __future__ import annotations

import asyncio
import glob
import os
import signal
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
import pytest_asyncio
from support.kernel import Kernel, start_kernel
from support.processes import ProcessFamily

BEGIN = """
import os, threading, time
import numpy as np
import smallrtc_lab
from smallrtc_lab import Lab
smallrtc_lab.close_all()
lab = Lab(name="ends")
lab._access.client._restarts.forgive()  # each test counts from the beginning
lab.simulate()
lab.wait_live(60)
@lab.on_video
def effect(frame): return frame.image
@lab.on_audio
def gain(chunk): return chunk.samples
lab.video.grab(5)
"""
ENGINE = "lab._access.client.pid"
GONE_S = 10.0  # the goal is 2 s


@pytest_asyncio.fixture
async def own(tmp_path: Path) -> AsyncIterator[Kernel]:
    """A kernel that a test may kill; what is left of its processes in the end fails the test."""
    family = ProcessFamily(tmp_path / "home")
    family.home.mkdir()
    kernel = await start_kernel(family, tmp_path)
    await kernel.execute(BEGIN, timeout_s=60)
    yield kernel
    await kernel.close()
    await kernel.shutdown()
    left = family.end()
    assert not left, f"processes outlived their kernel: {left}"


@pytest_asyncio.fixture(loop_scope="module")
async def live(shared_kernel: Kernel) -> Kernel:
    """A live lab with callbacks, made anew for each test in one kernel, as by running its cell again."""
    await shared_kernel.execute(BEGIN, timeout_s=60)
    return shared_kernel


async def gone(pid: int, timeout_s: float) -> float:
    """How long it takes until a process has ended; fails after the time."""
    begun_s = time.monotonic()
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() - begun_s < timeout_s, f"{pid} still runs after {timeout_s} s"
        await asyncio.sleep(0.02)
    return time.monotonic() - begun_s


def files(*pids: int) -> list[str]:
    """Files of shared memory of these processes."""
    places = ["/dev/shm", tempfile.gettempdir()]
    return [path for place in places for pid in pids for path in glob.glob(f"{place}/smallrtc-{pid}-*")]


async def test_the_engine_ends_with_its_kernel(own: Kernel) -> None:
    """A restart and SIGKILL: within two seconds no process and no file is left."""
    for ending, end in (("restart", own.restart), ("kill", own.kill)):
        kernel, engine = own.pid, await own.value(ENGINE)
        assert psutil.Process(engine).ppid() == kernel
        ended = end()
        if ended is not None:
            await ended
        took_s = await gone(engine, GONE_S)
        print(f"after {ending} the engine was gone in {took_s:.2f} s")
        assert files(kernel, engine) == []
        if ending == "restart":
            await own.execute(BEGIN, timeout_s=60)


async def test_a_forked_child_of_a_killed_kernel_does_not_keep_the_engine(own: Kernel) -> None:
    """A data loader that inherited the pipes hides their end: the engine watches its parent, too."""
    await own.execute("child = os.fork()\nif not child:\n    time.sleep(60); os._exit(0)")
    child, engine, kernel = await own.value("child"), await own.value(ENGINE), own.pid
    own.kill()
    took_s = await gone(engine, GONE_S)
    assert psutil.pid_exists(child)
    os.kill(child, signal.SIGKILL)
    print(f"engine gone in {took_s:.2f} s")
    assert files(kernel, engine) == []


@pytest.mark.asyncio(loop_scope="module")
async def test_a_forked_child_that_ends_takes_nothing_along(live: Kernel) -> None:
    """Workers of multiprocessing come and go, also with an orderly exit; the lab stays live."""
    engine = await live.value(ENGINE)
    cell = await live.execute(
        "import multiprocessing\n"
        "with multiprocessing.get_context('fork').Pool(2) as pool:\n"
        "    total = sum(pool.map(abs, range(-100, 0)))\n"
        "worker = multiprocessing.get_context('fork').Process(target=lambda: None)\n"
        "worker.start(); worker.join(); code = worker.exitcode\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    try: Lab(name='child')\n"
        "    except smallrtc_lab.EngineError as error: os._exit(7 if 'forked' in str(error) else 8)\n"
        "    except BaseException: os._exit(9)\n"
        "    os._exit(10)\n"
        "status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])\n"
        "n = effect.stats['calls']; time.sleep(1); n = effect.stats['calls'] - n"
    )
    assert cell.error is None
    assert await live.value("[total, code, status, lab.state]") == [5050, 0, 7, "live"]
    assert await live.value("n") > 0
    assert await live.value(ENGINE) == engine


@pytest.mark.asyncio(loop_scope="module")
async def test_interrupt_is_for_the_cell_and_not_for_the_engine(live: Kernel) -> None:
    """A cell that waits is interrupted, the same engine goes on and the lab stays live."""
    engine = await live.value(ENGINE)
    for code in (
        "lab.audio.record(60)",
        "next(lab.screen.frames(timeout_s=60))",
    ):
        cell = await live.submit(f"print('begun')\n{code}")
        await cell.wait_for(lambda seen: "begun" in seen.stdout)
        await asyncio.sleep(0.5)
        await live.interrupt()
        await cell.wait(30, check=False)
        assert cell.error is not None
        assert cell.error.name == "KeyboardInterrupt"
    assert await live.value(f"[{ENGINE}, lab.state]") == [engine, "live"]
    await live.wait_value("effect.stats['calls']", lambda calls: calls > 30)
    await live.wait_value("lab.stats()['processing']['subscriptions']", lambda left: len(left) == 2)


@pytest.mark.asyncio(loop_scope="module")
async def test_closing_the_last_lab_ends_the_engine_and_every_thread(live: Kernel) -> None:
    """With one of two labs closed the engine stays; with the last one process, threads and files go."""
    engine, kernel = await live.value(ENGINE), live.pid
    await live.execute(
        "client = lab._access.client\nother = Lab(name='other')\nother.simulate()\nother.wait_live(60)"
    )
    await live.execute("lab.close(); lab.close()")
    assert await live.value("[client.pid, lab.state, other.state]") == [engine, "closed", "live"]
    cell = await live.execute("lab.video.latest()", check=False)
    assert cell.error is not None
    assert (cell.error.name, cell.error.message) == ("ClosedError", "this lab was closed; make a new Lab()")
    cell = await live.execute("lab.wait_live(1)", check=False)
    assert cell.error is not None
    assert cell.error.name == "ConnectionFailed"
    begun_s = time.monotonic()
    await live.execute("smallrtc_lab.close_all()")
    assert time.monotonic() - begun_s < 20
    await gone(engine, 2)
    assert await live.value("[client.pid, smallrtc_lab.labs()]") == [None, []]
    await live.wait_value(
        "[t.name for t in threading.enumerate() if 'smallrtc' in t.name]", lambda left: left == []
    )
    assert files(kernel, engine) == []
    await live.execute(
        "lab = Lab()\nlab.simulate()\nlab.wait_live(60)\nshape = lab.video.latest().image.shape"
    )
    assert await live.value("shape") == [480, 640, 3]


@pytest.mark.asyncio(loop_scope="module")
async def test_a_killed_engine_is_said_and_replaced(live: Kernel) -> None:
    """The lab tells of the crash, a new engine comes by itself, callbacks are there, and it is soon live again."""
    engine, kernel = await live.value(ENGINE), live.pid
    await live.execute(
        "states = []\n"
        "undo = lab.mirror.watch(states.append)\n"
        "errors = []\n"
        "frames = lab.video.frames(timeout_s=5)\nnext(frames)"
    )
    os.kill(engine, signal.SIGKILL)
    await live.wait_value(f"{ENGINE} not in (None, {engine})")
    await live.wait_value("lab.state", lambda state: state == "idle")
    assert await live.value("states") == ["reconnecting", "idle"]
    cell = await live.execute("lab.video.latest()", check=False)
    assert cell.error is not None
    assert cell.error.name == "NotLiveError"
    cell = await live.execute("while True: next(frames)", check=False)
    assert cell.error is not None
    assert cell.error.name in ("StreamTimeout", "EngineCrashed")
    await live.execute("n, m = effect.stats['calls'], gain.stats['calls']\nlab.simulate()\nlab.wait_live(60)")
    await live.wait_value("effect.stats['calls'] - n", lambda calls: calls > 10)
    await live.wait_value("gain.stats['calls'] - m", lambda calls: calls > 10)
    await live.wait_value("lab.stats()['connection']['video']['frames_sent']", lambda sent: sent > 5)
    assert await live.value("[effect.errors, gain.errors, lab.error]") == [{}, {}, None]
    assert files(kernel, engine) == []


@pytest.mark.asyncio(loop_scope="module")
async def test_a_call_meets_a_crash_with_words(live: Kernel) -> None:
    """Who waits for an answer of an engine that ends is told so; after three crashes start() tries again at once."""
    for attempt in range(3):
        engine = await live.value(ENGINE)
        os.kill(engine, signal.SIGSTOP)  # so that the calls are still unanswered when it dies
        cell = await live.submit("lab.audio.last(20)")
        stats = await live.submit("lab.stats()")
        await asyncio.sleep(0.1)
        os.kill(engine, signal.SIGKILL)
        await cell.wait(60, check=False)
        await stats.wait(60, check=False)
        assert cell.error is not None
        assert cell.error.name == "EngineCrashed"
        assert "The media engine ended unexpectedly (signal 9)" in cell.error.message
        if attempt < 2:
            await live.wait_value(f"{ENGINE} not in (None, {engine})")
            await live.wait_value("lab.state", lambda state: state == "idle")
    await live.wait_value("lab.state", lambda state: state == "failed")
    said = (await live.value("lab.error"))["next_step"]
    assert said == "It ended 3 times in a row and is started again in 10 s; lab.start() does so at once."
    begun_s = time.monotonic()
    await live.execute("n = effect.stats['calls']\nlab.start()\nlab.simulate()\nlab.wait_live(60)")
    print(f"given up → live again {time.monotonic() - begun_s:.2f} s after start()")
    assert await live.value("[lab.state, lab.error]") == ["live", None]
    await live.wait_value("effect.stats['calls'] - n", lambda calls: calls > 5)
    await live.wait_value(
        "[t.name for t in threading.enumerate()].count('smallrtc-restart')", lambda n: n == 0
    )


@pytest.mark.asyncio(loop_scope="module")
async def test_an_engine_that_hangs_is_killed_at_the_end(live: Kernel) -> None:
    """A stopped engine answers nothing: calls end after their time, close() goes through, no process stays."""
    engine = await live.value(ENGINE)
    os.kill(engine, signal.SIGSTOP)
    cell = await live.execute("lab._access.call('stats', timeout_s=0.5)", check=False)
    assert cell.error is not None
    assert cell.error.name == "EngineTimeout"
    assert "did not answer 'stats' within 0.5 s" in cell.error.message
    begun_s = time.monotonic()
    await live.execute("lab.close()", timeout_s=60)
    assert time.monotonic() - begun_s < 45
    await gone(engine, 5)


@pytest.mark.asyncio(loop_scope="module")
async def test_an_orderly_shutdown_takes_the_engine_along(live: Kernel) -> None:
    """What closing a notebook does: within two seconds no process and no file is left."""
    kernel, engine = live.pid, await live.value(ENGINE)
    await live.shutdown()
    took_s = await gone(engine, GONE_S)
    print(f"after the shutdown the engine was gone in {took_s:.2f} s")
    assert files(kernel, engine) == []
