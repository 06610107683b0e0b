"""Functions of a person that are called with live frames: processors, observers, and their handles.

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

from smallrtc_lab.errors import SmallRTCError
from smallrtc_lab.framing import Header

from .access import Access
from .controls import Controls
from .report import Report
from .results import as_picture, as_samples
from .signatures import identity, name_of, require_callable_with
from .worker import Worker

__all__ = ["AudioObserver", "AudioProcessor", "Callback", "VideoObserver", "VideoProcessor"]

Function = Callable[..., Any]
_FAILED = object()


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
        self.controls = Controls(controls)
        require_callable_with(function, self.controls.snapshot())
        self.last_result: Any = None
        self.fallback: Function | None = None  # the last good function of this name, see _run
        self.on_remove: Callable[[Callback], None] | None = None
        self._access = access
        self._worker = worker
        self._request = request
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
            self._report.stuck(seconds, self._worker, others_wait=not self.processes)

    def _delivered(self, header: Header, payload: bytes) -> None:
        self._dropped = header["dropped"]
        self._worker.submit(lambda: self._work(header, payload))

    def _work(self, header: Header, payload: bytes) -> None:
        raise NotImplementedError

    def _run(self, item: Any) -> Any:
        """The function's result for one item, or ``_FAILED`` after its error was reported."""
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

    def _says_meanwhile(self) -> str:
        return f"the last {self.name} that worked goes on" if self._falls_back else self.meanwhile

    @property
    def _falls_back(self) -> bool:
        return self.fallback is not None and not self.has_worked

    def _run_fallback(self, item: Any) -> Any:
        """A function that has never worked yet leaves the floor to the last good one of its name."""
        if self.fallback is None or not self._falls_back:
            return _FAILED
        try:
            return self._checked(self._worker.call(self.fallback, item), item)
        except BaseException as error:  # noqa: BLE001 - border, as above
            self._report.failed(error, meanwhile=self.meanwhile)
            self.fallback = None
            return _FAILED

    def _checked(self, result: Any, item: Any) -> Any:
        return result


class _VideoCallback(Callback):
    """With frames of ``lab.video`` or ``lab.screen``."""

    def _work(self, header: Header, payload: bytes) -> None:
        number = header["subscription"]
        if not self._access.client.is_subscribed(number):  # paused, removed, or of an engine that has gone
            self._access.client.free(header)
            return
        fields: dict[str, Any] = {"failed": True}
        try:
            frame = self._access.frame(header, self._request["source"])
            if not self._request.get("native"):
                self._request["size"] = [
                    frame.width,
                    frame.height,
                ]  # also after a pause, and of another engine
            self._access.client.free(header)  # copied: a function that takes long keeps no slot from others
            self._hand_overs_ms.append(1000 * (time.monotonic() - header["decoded_s"]))
            fields = self._answer(self._run(frame))
        except SmallRTCError:
            return  # the engine ended in between; its successor begins anew
        finally:
            self._access.done(number, **fields)

    def _answer(self, result: Any) -> dict[str, Any]:
        return {}


class VideoObserver(_VideoCallback):
    """Sees frames; nothing goes back."""


class VideoProcessor(_VideoCallback):
    """What it returns is what the browser sees."""

    processes = True
    meanwhile = "the unprocessed picture is shown"
    _hinted = False

    def _run(self, item: Any) -> Any:
        probe = None if self._hinted or self._calls > 30 else item.image[::16, ::16].copy()
        result = super()._run(item)
        if probe is not None and result is None and not np.array_equal(probe, item.image[::16, ::16]):
            self._hinted = True
            self._report.hint(f"{self.name} changed the picture but returned nothing: return it to see it.")
        return result

    def _checked(self, result: Any, item: Any) -> Any:
        return as_picture(result)

    def _answer(self, result: Any) -> dict[str, Any]:
        if result is _FAILED:
            return {"failed": True}
        ref = None if result is None else self._access.client.lend(result)
        if ref is None:
            return {}
        colour = "bgr" if self._request["format"] == "bgr" else "rgb"
        picture_format = "gray" if result.ndim == 2 else colour
        return {"slot": list(ref), "shape": list(result.shape), "format": picture_format}


class AudioObserver(Callback):
    """Hears blocks of sound; nothing goes back."""

    kind = "audio"

    def _work(self, header: Header, payload: bytes) -> None:
        number = header["subscription"]
        if not self._access.client.is_subscribed(number):
            return
        clip = self._access.clip(header, payload)
        result = self._run(clip)
        self._send(number, clip, result)
        self._access.done(number, failed=result is _FAILED)

    def _send(self, number: int, clip: Any, result: Any) -> None:
        pass


class AudioProcessor(AudioObserver):
    """What it returns can be listened to: it stands for the last ``hop`` samples of the block."""

    processes = True
    meanwhile = "the unprocessed sound passes"

    def _checked(self, result: Any, item: Any) -> Any:
        samples, hop = as_samples(result), self._request["hop"]
        if samples is None or len(samples) == hop:
            return samples
        came = f"a block of {len(item)} samples came in, {len(samples)} were returned"
        if hop < len(item):
            came += f": with hop={hop} return the {hop} that stand for its last ones, as in out[-{hop}:]"
        raise ValueError(came)

    def _send(self, number: int, clip: Any, result: Any) -> None:
        samples = None if result is _FAILED else result
        header = {
            "type": "result",
            "session": self._access.session_id,
            "subscription": number,
            "start_s": clip.start_s - clip._shift_s + (len(clip) - self._request["hop"]) / clip.sample_rate,
            "sample_rate": clip.sample_rate,
            "channels": 1 if samples is None else samples.shape[1],
        }
        self._access.client.send(header, b"" if samples is None else samples.tobytes())
