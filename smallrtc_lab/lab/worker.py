"""Threads that run a person's functions, one after the other."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import inspect
import logging
import queue
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any, TypeVar

from smallrtc_lab.errors import ClosedError, StreamTimeout

from .prints import Sink, prints

__all__ = ["STOP_S", "CallbackStopped", "SwitchInterval", "Worker"]

logger = logging.getLogger(__name__)

Job = Callable[[], None]
T = TypeVar("T")

STOP_S = 10.0  # so long a function may take for one item
_TOLERANCE_S = 0.5  # the engine counts from the hand-over on


class CallbackStopped(BaseException):
    """Raised inside a function that has run for too long; no Exception, so that ``except Exception`` keeps it not."""

    def __init__(self) -> None:
        super().__init__(f"it had not returned after {STOP_S:g} s and was stopped")


class Worker:
    """One daemon thread; jobs run in the order they came. What fills it is bounded by the engine's credits."""

    def __init__(self, name: str, *, log: Sink | None = None, limit: int = 1000) -> None:
        self.dropped = 0
        self._log = log
        self._limit = limit
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()
        self.running: Callable[..., Any] | None = None  # the function that is called now
        self._begun_s: float | None = None  # of that call
        self._task: asyncio.Task[Any] | None = None  # of that call, when it is async
        self._asked_to_end = False  # that task
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> bool:
        """Queue a job; False when the queue is full and it was dropped, and after the end."""
        with self._lock:  # nothing may come behind the mark of the end, where nobody would ever do it
            if self._closed:
                return False
            if self._queue.qsize() >= self._limit:
                self.dropped += 1
                return False
            self._queue.put(job)
            return True

    @property
    def busy_s(self) -> float:
        """For how long the function that runs now has run; 0 when none does."""
        begun_s = self._begun_s
        return 0.0 if begun_s is None else time.monotonic() - begun_s

    def call(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a person's function, sync or async, on this thread; an async one runs on the thread's own loop.

        What it prints goes to the worker's log. Raises :class:`CallbackStopped` when :meth:`stop_call` ended it.
        """
        with self._lock:
            self.running, self._begun_s = function, time.monotonic()
            self._asked_to_end = False
        try:
            with prints.to(self._log) if self._log else contextlib.nullcontext():
                return self._call(function, *args, **kwargs)
        finally:
            with self._lock:
                self.running = self._begun_s = None
                _raise_in_thread(self._thread, None)  # one that came too late to be raised in the function

    def run(self, job: Callable[[], T], name: str) -> T:
        """Do a job on the worker's thread and wait for its result, or raise what it raises.

        A person's function in it that takes longer than ``STOP_S`` is stopped. Raises :class:`StreamTimeout` for one
        that cannot be, :class:`ClosedError` after the end, and ``RuntimeError`` on this worker's own thread.
        """
        if self._thread is threading.current_thread():
            raise RuntimeError(
                f"{name} would wait for itself: replay in a cell, not in a function on live frames"
            )
        outcome: Future[T] = Future()
        if not self.submit(lambda: _settle(outcome, job)):
            if self._closed:
                raise ClosedError(f"{name} is called no more: its lab was closed")
            raise StreamTimeout(f"{name} has too much to do: its thread has stood still")
        return self._awaited_outcome(outcome, name)

    def _awaited_outcome(self, outcome: Future[T], name: str) -> T:
        while True:
            try:
                return outcome.result(STOP_S)
            except FutureTimeout:
                if not self.stop_call():
                    continue  # it waited for another one, and has its own time
            with contextlib.suppress(FutureTimeout):
                return outcome.result(STOP_S)
            raise StreamTimeout(f"{name} has not returned for {2 * STOP_S:g} s, and cannot be stopped")

    def stop_call(self) -> bool:
        """Stop the function that has run for ``STOP_S``, at its next bytecode; False when none has.

        After the kernel was busy the one that runs now may have just begun: it is left alone. A function that is
        inside C code is stopped only when that returns. An async one that waits is cancelled, and stopped as the
        others when it is asked again and still runs.
        """
        with self._lock:
            if self.busy_s < STOP_S - _TOLERANCE_S:
                return False
            task, loop, asked = self._task, self._loop, self._asked_to_end
            if task is None or loop is None or asked:
                _raise_in_thread(self._thread, CallbackStopped)
            else:
                self._asked_to_end = True
                loop.call_soon_threadsafe(task.cancel)
            return True

    def _call(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        if not inspect.isawaitable(result):
            return result
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
        return self._await(self._loop, result)

    def _await(self, loop: asyncio.AbstractEventLoop, awaitable: Awaitable[Any]) -> Any:
        task = self._task = loop.create_task(_awaited(awaitable))
        try:
            return loop.run_until_complete(task)
        except asyncio.CancelledError:
            if self._asked_to_end:
                raise CallbackStopped from None
            raise
        finally:
            self._task = None
            if not task.done():  # stopped between two steps: it may not go on in the next call
                self._loop = None
                loop.close()

    def close(self) -> None:
        """End after the jobs that are queued. A function that never returns keeps its (daemon) thread."""
        with self._lock:
            self._closed = True
            self._queue.put(None)

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread's end; whether it came."""
        if self._thread is not threading.current_thread():
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (job := self._queue.get()) is not None:
            try:
                job()
            except BaseException:  # border: a fault of ours in one job must not end the worker
                logger.exception("a job of %s failed", self._thread.name)
        if self._loop is not None:
            self._loop.close()


def _raise_in_thread(thread: threading.Thread, exception: type[BaseException] | None) -> None:
    """CPython's PyThreadState_SetAsyncExc; None takes back what was not raised yet."""
    value = None if exception is None else ctypes.py_object(exception)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), value)


def _settle(outcome: Future[T], job: Callable[[], T]) -> None:
    try:
        outcome.set_result(job())
    except Exception as error:  # noqa: BLE001 - border: it is raised again where the result is waited for
        outcome.set_exception(error)


async def _awaited(result: Awaitable[Any]) -> Any:
    return await result


class SwitchInterval:
    """Lowers the interpreter's switch interval while callbacks are registered, and restores it.

    In a pure-Python loop of a cell the hand-over of a frame took 10.6 ms at the default of 5 ms, 1.5 ms at this one.
    """

    interval_s = 0.0005

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._before_s = sys.getswitchinterval()

    def acquire(self) -> None:
        """One more user."""
        with self._lock:
            if self._users == 0:
                self._before_s = sys.getswitchinterval()
                sys.setswitchinterval(min(self._before_s, self.interval_s))
            self._users += 1

    def release(self) -> None:
        """One user less; after the last the interval is what it was."""
        with self._lock:
            self._users -= 1
            if self._users == 0:
                sys.setswitchinterval(self._before_s)
