"""Functions of a person that are called with live frames, and their handles; the kinds of them are next door.

A handle stays callable as the plain function it was made from. A function never runs concurrently with itself: its
frames come one by one, on the worker thread of its kind.
"""

from __future__ import annotations

import functools
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from smallrtc_lab.framing import Header

from .access import Access
from .controls import Controls
from .report import Report
from .signatures import defaults_of, identity, name_of, require_callable_with
from .worker import Worker

__all__ = ["FAILED", "Callback", "ReplayFailure"]

Function = Callable[..., Any]
FAILED = object()  # instead of a result, after the error was reported


class ReplayFailure(Exception):
    """What a function raised in a replay is in ``args[0]``."""


class Callback:
    """A registered function. ``last_result``, ``errors`` (kind → count) and ``stats`` may be read at any time."""

    kind = "video"
    processes = False
    meanwhile = "nothing else is disturbed"

    def __init__(
        self,
        function: Function,
        access: Access,
        worker: Worker,
        *,
        controls: Mapping[str, Any] | None = None,
        **request: Any,
    ) -> None:
        functools.update_wrapper(self, function)
        self.name = name_of(function)
        self.identity = identity(function)
        self.function = function
        self.controls = Controls(controls, defaults_of(function))
        require_callable_with(function, self.controls.snapshot())
        self.last_result: Any = None
        self.fallback: Function | None = None  # the last good function of this name, see _run
        self.on_remove: Callable[[Callback], None] | None = None
        self._access = access
        self._worker = worker
        self._request = request
        self.asked = dict(request)  # as the person did: a live size is added to the other
        self._number: int | None = None
        self._calls = 0
        self._good = 0
        self._busy_s = 0.0
        self._dropped = 0
        self._hand_overs_ms: deque[float] = deque(maxlen=300)
        self._report = Report(self.name, access)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The plain function."""
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        state = "running" if self._number is not None else "paused or removed"
        return f"<{type(self).__name__} {self.name}, {state}, {self._calls} calls, {sum(self.errors.values())} errors>"

    @property
    def runs(self) -> bool:
        """Whether it is called with what comes: not paused, not removed."""
        return self._number is not None

    @property
    def errors(self) -> dict[str, int]:
        """How often each kind of error happened."""
        return dict(self._report.counts)

    @property
    def has_worked(self) -> bool:
        """Whether it returned without an error at least once."""
        return self._good > 0

    @property
    def last_good(self) -> Function | None:
        """This function with its controls if it has worked, else the one it replaced."""
        if not self.has_worked:
            return self.fallback
        return lambda item: self.function(item, **self.controls.snapshot())

    @property
    def stats(self) -> dict[str, float]:
        """``calls``, ``errors``, ``dropped`` (items it had no time for), ``mean_ms`` a call.

        For pictures also ``hand_over_ms`` and ``hand_over_p95_ms``: from the decoder to the function, over the
        last 300 calls.
        """
        return self._hand_over() | {
            "calls": self._calls,
            "errors": sum(self.errors.values()),
            "dropped": self._dropped,
            "mean_ms": round(1000 * self._busy_s / self._calls, 3) if self._calls else 0.0,
        }

    def _hand_over(self) -> dict[str, float]:
        if not self._hand_overs_ms:
            return {}
        median, high = np.percentile(list(self._hand_overs_ms), [50, 95])
        return {"hand_over_ms": round(float(median), 3), "hand_over_p95_ms": round(float(high), 3)}

    def pause(self) -> None:
        """Call it no more until :meth:`resume`."""
        number, self._number = self._number, None
        if number is not None:
            self._access.unsubscribe(number)

    def resume(self) -> None:
        """Call it again, after :meth:`pause`, with what comes from now on."""
        if self._number is not None:
            return
        described = {"name": self.name, "controls": self.controls.widgets}
        self._number = self._access.subscribe(
            self.kind,
            self._delivered,
            processor=described if self.processes else None,
            label=self.name,
            **self._request,
        )

    def reopen(self) -> None:
        """A new engine runs: subscribe there."""
        if self._number is not None:
            self._number = None
            self.resume()

    def remove(self) -> None:
        """Call it never again."""
        self.pause()
        self._report.clear()
        told, self.on_remove = self.on_remove, None
        if told is not None:
            told(self)

    def stuck(self, number: int, seconds: float) -> None:
        """The engine misses an answer for so long."""
        if number == self._number:
            running = self._worker.running
            behind = None if running in (None, self.function, self.fallback) else name_of(running)
            self._report.stuck(seconds, self._worker, others_wait=not self.processes, behind=behind)

    def _delivered(self, header: Header, payload: bytes) -> None:
        self._dropped = header["dropped"]
        self._worker.submit(lambda: self._work(header, payload))

    def _work(self, header: Header, payload: bytes) -> None:
        raise NotImplementedError

    def _run(self, item: Any) -> Any:
        """The function's result for one item, or ``FAILED`` after its error was reported."""
        started_s = time.perf_counter()
        self._calls += 1
        try:
            result = self._worker.call(self.function, item, **self.controls.snapshot())
            checked = self._checked(result, item)
        except BaseException as error:  # noqa: BLE001 - border: a person's function, exit() in it, too; shown under its cell and in the widget
            self._report.failed(error, meanwhile=self._says_meanwhile())
            return self._run_fallback(item)
        finally:
            self._busy_s += time.perf_counter() - started_s
        self._good += 1
        self.last_result = result
        return checked

    def replayed(self, item: Any, controls: Mapping[str, Any]) -> tuple[Any, Any]:
        """Call it with one item on its own thread and wait: what it returned, and that checked, both private.

        Raises :class:`ReplayFailure` with whatever it raised, which is shown as if live. Counts for nothing else.
        """

        def once() -> tuple[Any, Any]:
            try:
                result = self._worker.call(self.function, item, **controls)
                return _kept(result, self._checked(result, item))
            except BaseException as error:  # noqa: BLE001 - border, as in _run
                self._report.failed(error, meanwhile=self.meanwhile)
                raise ReplayFailure(error) from None

        return self._worker.run(once, self.name)

    def say(self, text: str) -> None:
        """Advice under the cell that registered it."""
        self._report.hint(text)

    def _says_meanwhile(self) -> str:
        return f"the last {self.name} that worked goes on" if self._falls_back else self.meanwhile

    @property
    def _falls_back(self) -> bool:
        return self.fallback is not None and not self.has_worked

    def _run_fallback(self, item: Any) -> Any:
        """A function that has never worked yet leaves the floor to the last good one of its name."""
        if self.fallback is None or not self._falls_back:
            return FAILED
        try:
            return self._checked(self._worker.call(self.fallback, item), item)
        except BaseException as error:  # noqa: BLE001 - border, as above
            self._report.failed(error, meanwhile=self.meanwhile)
            self.fallback = None
            return FAILED

    def _checked(self, result: Any, item: Any) -> Any:
        return result


def _kept(result: Any, checked: Any) -> tuple[Any, Any]:
    """Both private, for a function may return the same array again and again; one array where they are alike."""
    if not isinstance(result, np.ndarray):
        return result, checked
    if not isinstance(checked, np.ndarray):
        return result.copy(), checked
    if np.may_share_memory(result, checked):
        checked = checked.copy()
    alike = (checked.shape, checked.dtype) == (result.shape, result.dtype)
    return (checked if alike else result.copy()), checked
