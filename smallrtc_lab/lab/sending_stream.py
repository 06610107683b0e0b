"""A generator, a function or a figure as the camera: pulled on a thread of its own, at its rate, the newest wins."""

from __future__ import annotations

import inspect
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import numpy as np

from smallrtc_lab.errors import EngineCrashed, SmallRTCError
from smallrtc_lab.frames import AudioClip, PixelFormat
from smallrtc_lab.framing import Header

from .registry import registry
from .report import Report
from .results import as_samples
from .sending_list import Playbacks
from .sending_pictures import is_drawn, pixels_of
from .sending_playback import Playback
from .signatures import name_of
from .worker import Worker

__all__ = ["END", "Source", "StreamRunner"]

END = object()  # a source has no more
AHEAD_S = 0.25  # of sound that is handed over before it is due
IN_FLIGHT = 2  # pictures that the engine has not taken yet: more would only be delay


class Source:
    """Something to be pulled from: ``pull()`` gives the next picture or block, None for nothing new, or ``END``.

    Raises :class:`TypeError` for what cannot be a source. ``ends_with_error``: a generator that raised gives no more.
    """

    def __init__(self, source: Any) -> None:
        self.ends_with_error = True
        self._close: Callable[[], Any] = lambda: None
        if inspect.isgeneratorfunction(source) or inspect.isasyncgenfunction(source):
            source = source()
        self.name = getattr(source, "__name__", None) or type(source).__name__
        if is_drawn(source) or hasattr(source, "getbands"):
            self.pull: Callable[[], Any] = lambda: source
            self.ends_with_error = False
        elif hasattr(source, "__aiter__"):
            items = source.__aiter__()
            self.pull = lambda: _next_of(items)
            self._close = getattr(items, "aclose", self._close)
        elif callable(source):
            self.name = name_of(source)
            self.pull = source
            self.ends_with_error = False
        elif hasattr(source, "__iter__") and not isinstance(source, (str, bytes)):
            iterator = iter(source)
            self.pull = lambda: next(iterator, END)
            self._close = getattr(iterator, "close", self._close)
        else:
            raise TypeError(
                "lab.stream takes a generator, a function that returns a picture or a block of sound, a figure or a "
                f"widget, not {type(source).__name__}"
            )

    def close(self) -> Any:
        """What is to be called, and awaited if need be, so that a generator's ``finally`` runs."""
        return self._close()


class StreamRunner:
    """Runs one stream; a :class:`~.sending_playback.Drive`."""

    def __init__(
        self,
        source: Source,
        playbacks: Playbacks,
        number: int,
        *,
        rate_hz: float,
        sample_rate: int,
        format: PixelFormat,
        bitrate_bps: int | None,
    ) -> None:
        self.dropped = 0  # pictures that the engine had no room for
        self.late = 0  # turns that were left out because the source was too slow
        self.playback: Playback | None = None
        self._source = source
        self._playbacks = playbacks
        self._number = number
        self._interval_s = 1.0 / rate_hz
        self._sample_rate = sample_rate
        self._format = format
        self._bitrate_bps = bitrate_bps
        self._report = Report(source.name, playbacks.access)
        self._worker = Worker(f"smallrtc stream {source.name}", log=playbacks.access.log)
        self._changed = threading.Condition()
        self._state = "playing"
        self._run_s = 0.0  # for how long it has run, until ...
        self._since_s = time.monotonic()
        self._due_s = self._since_s
        self._heard_until_s = 0.0
        self._pending: list[Future[Any]] = []

    def start(self) -> None:
        """Begin to pull."""
        registry.switch_interval.acquire()
        self._tell()
        self._worker.submit(self._run)
        self._worker.close()

    def command(self, command: str, **args: Any) -> Header | None:
        """See :class:`~.sending_playback.Drive`."""
        if command == "seek":
            raise SmallRTCError("a stream has no other places to go to; lab.play and lab.play_file have")
        with self._changed:
            now_s = time.monotonic()
            if command in ("pause", "stop"):
                self._run_s = self._ran_s()
                self._state = "paused" if command == "pause" else "stopped"
            elif command == "resume" and self._state == "paused":
                self._state, self._since_s, self._due_s = "playing", now_s, now_s
            self._changed.notify_all()
        if command in ("pause", "resume", "stop"):
            self._playbacks.access.submit("playback", number=self._number, command=command)
        return self._described()

    def ended(self) -> None:
        """See :class:`~.sending_playback.Drive`."""
        with self._changed:
            self._changed.notify_all()

    # The stream's thread

    def _run(self) -> None:
        error = self._pull_all()
        try:
            self._worker.call(self._source.close)
        except BaseException as failure:  # noqa: BLE001 - border: what a generator does at its end
            self._report.failed(failure, meanwhile="the stream has ended")
        registry.switch_interval.release()
        self._end(error)

    def _pull_all(self) -> str | None:
        while self._wait():
            try:
                item = self._worker.call(self._source.pull)
                if item is END:
                    return None
                if item is not None:
                    self._send(item)
            except EngineCrashed:
                continue  # a new one is on its way, and its stream begins with the next picture
            except BaseException as error:  # noqa: BLE001 - border: a person's function; shown under its cell
                ends = self._source.ends_with_error
                self._report.failed(
                    error, meanwhile="the stream has ended" if ends else "what was sent last stays"
                )
                if ends:
                    return f"{type(error).__name__}: {error}"
        return None

    def _wait(self) -> bool:
        """Until the next turn; False when there is none."""
        with self._changed:
            while not self._over():
                if self._state == "paused":
                    self._changed.wait()
                    continue
                early_s = self._due_s - time.monotonic()
                if early_s <= 0:
                    return True
                self._changed.wait(early_s)
        return False

    def _over(self) -> bool:
        ended = self.playback is not None and self.playback.done  # replaced, as the engine has told
        return ended or self._state == "stopped" or self._playbacks.access.closed

    def _send(self, item: Any) -> None:
        if _is_sound(item):
            self._send_sound(item)
            return
        pixels = pixels_of(item, self._format)
        late = int((time.monotonic() - self._due_s) / self._interval_s)
        self.late += late
        self._due_s += (late + 1) * self._interval_s
        self._pending = [one for one in self._pending if not one.done()]
        if len(self._pending) >= IN_FLIGHT:
            self.dropped += 1
            return
        sent = self._playbacks.submit_picture(
            self._number, pixels, stream=True, bitrate_bps=self._bitrate_bps
        )
        if sent is None:
            self.dropped += 1
        else:
            self._pending.append(sent)

    def _send_sound(self, item: Any) -> None:
        rate = item.sample_rate if isinstance(item, AudioClip) else self._sample_rate
        samples = as_samples(item)
        assert samples is not None
        self._heard_until_s = max(self._heard_until_s, time.monotonic()) + len(samples) / rate
        self._due_s = self._heard_until_s - AHEAD_S
        self._playbacks.access.call(
            "stream_sound",
            number=self._number,
            sample_rate=rate,
            channels=samples.shape[1],
            payload=samples.tobytes(),
        )

    def _end(self, error: str | None) -> None:
        with self._changed:
            self._run_s = self._ran_s()
            if self._state != "stopped":
                self._state = "ended" if error is None else "failed"
        self._tell(error)
        self._playbacks.forget(self._number)
        self._playbacks.access.submit("playback", number=self._number, command="end")

    def _ran_s(self) -> float:
        return self._run_s + (time.monotonic() - self._since_s if self._state == "playing" else 0.0)

    def _described(self, error: str | None = None) -> Header:
        return {"state": self._state, "position_s": self._ran_s(), "duration_s": None, "error": error}

    def _tell(self, error: str | None = None) -> None:
        if self.playback is not None:
            self.playback.told(self._described(error))


def _is_sound(item: Any) -> bool:
    """A clip, (n,), or one or two columns of anything but bytes."""
    if isinstance(item, AudioClip):
        return True
    if not isinstance(item, np.ndarray):
        return False
    columns = item.ndim == 2 and item.shape[1] in (1, 2) and item.dtype not in (np.uint8, np.bool_)
    return item.ndim == 1 or columns


async def _next_of(items: Any) -> Any:
    try:
        return await items.__anext__()
    except StopAsyncIteration:
        return END
