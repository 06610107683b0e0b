"""The handle of what Python sends: where it is, and how it is stopped."""

from __future__ import annotations

import html
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from smallrtc_lab.errors import SmallRTCError, StreamTimeout
from smallrtc_lab.framing import Header

from .numbers import positive
from .options import checks_keywords

__all__ = ["GOING", "Drive", "Playback"]

_GRACE_S = 60.0
GOING = ("loading", "playing", "paused")
_WORDS = {"replaced": "replaced by another", "failed": "failed"}


class Drive(Protocol):
    """What moves a playback: the engine, or a thread of the kernel's."""

    def command(self, command: str, **args: Any) -> Header | None:
        """``pause``, ``resume``, ``seek`` or ``stop``; how the playback stands then, None when that is told later."""

    def ended(self) -> None:
        """The playback is over, whoever ended it."""


@checks_keywords
class Playback:
    """Something that Python sends to the browser, until it has ended: see ``lab.play``, ``stream`` and ``play_file``.

    ``state`` is ``loading playing paused``, and for good ``ended stopped replaced failed``.

    >>> tone = lab.play(samples, 48000)
    >>> tone.wait()
    """

    def __init__(
        self,
        name: str,
        drive: Drive,
        heard: Callable[[], bool | None],
        *,
        sounds: bool = False,
        driven_here: bool = False,
    ) -> None:
        self.name = name
        self.driven_here = driven_here  # its place is the kernel's to say, its end anybody's
        self.error: str | None = None
        self._drive = drive
        self._heard = heard
        self._sounds = sounds
        self._changed = threading.Condition()
        self._state = "loading"
        self._position_s = 0.0
        self._told_s = time.monotonic()
        self._duration_s: float | None = None
        self._repeats = False

    @property
    def state(self) -> str:
        """What it does."""
        return self._state

    @property
    def done(self) -> bool:
        """Whether it has ended, for whatever reason."""
        return self._state not in GOING

    @property
    def position_s(self) -> float:
        """Where it is, in seconds from its beginning; of a stream for how long it has run."""
        with self._changed:
            passed_s = time.monotonic() - self._told_s if self._state == "playing" else 0.0
            position_s = self._position_s + passed_s
            if not self._duration_s or position_s < self._duration_s:
                return position_s
            return position_s % self._duration_s if self._repeats else self._duration_s

    @property
    def duration_s(self) -> float | None:
        """How long it is; None where nobody knows, as of a stream."""
        return self._duration_s

    def stop(self) -> None:
        """End it now; what callbacks return is seen and heard again."""
        self._command("stop")

    def pause(self) -> None:
        """Stand still; a picture stays."""
        self._command("pause")

    def resume(self) -> None:
        """Go on after :meth:`pause`."""
        self._command("resume")

    def seek(self, position_s: float) -> None:
        """Go on from ``position_s``. Raises :class:`SmallRTCError` for a stream, which has no other places.

        >>> tone.seek(0.0)
        """
        if isinstance(position_s, bool | str) or not hasattr(position_s, "__float__"):
            raise TypeError(f"position_s is a number, 0 or more, not {position_s!r}")
        position_s = float(position_s)
        if not 0.0 <= position_s < float("inf"):
            raise ValueError(f"position_s is 0 or more, not {position_s!r}")
        self._command("seek", position_s=position_s)

    def wait(self, timeout_s: float | None = None) -> None:
        """Block until it has ended. Raises :class:`StreamTimeout`, or what made it fail.

        Without ``timeout_s`` a minute longer than what is left of it, where that is known.

        >>> tone.wait(timeout_s=10)
        """
        if timeout_s is None:
            timeout_s = _GRACE_S + max(0.0, (self._duration_s or 0.0) - self.position_s)
        timeout_s = positive("timeout_s", timeout_s)
        with self._changed:
            if not self._changed.wait_for(lambda: self.done, min(timeout_s, threading.TIMEOUT_MAX)):
                raise StreamTimeout(f"{self.name} had not ended after {timeout_s:g} s; it is {self._state}")
        if self._state == "failed":
            raise SmallRTCError(f"{self.name} failed: {self.error}")

    def told(self, header: Header) -> None:
        """How it stands, as whoever drives it says; from any thread."""
        with self._changed:
            if self.done:
                return
            self._state = header["state"]
            self._position_s, self._told_s = header["position_s"], time.monotonic()
            self._duration_s = header.get("duration_s")
            self._repeats = bool(header.get("repeats"))
            self.error = header.get("error")
            self._changed.notify_all()
            over = header["state"] not in GOING
        if over:
            self._drive.ended()

    def _command(self, command: str, **args: Any) -> None:
        if self.done:
            return
        answer = self._drive.command(command, **args)
        if answer is not None:
            self.told(answer)

    def __repr__(self) -> str:
        return f"<{self._said()}>"

    def _repr_html_(self) -> str:
        return f"<small>{html.escape(self._said())}</small>"

    def _said(self) -> str:
        end = "" if self._duration_s is None else f" of {self._duration_s:.1f} s"
        place = f" at {self.position_s:.1f} s{end}" if not self.done or self._state == "stopped" else end
        said = f"{self.name}, {_WORDS.get(self._state, self._state)}{place}"
        if self.error:
            said += f": {self.error}"
        if self._sounds and not self.done:
            said += _AUDIENCE[self._heard()]
        return said


_AUDIENCE = {
    True: "",
    False: "; nobody hears it: press Listen in the page",
    None: "; heard where somebody has pressed Listen in the page",
}
