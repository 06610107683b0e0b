"""What went wrong in a person's function, said under the cell that registered it and in the widget.

Once per kind, with a counter, and at most once a second: a function that fails for each frame fills no notebook.
"""

from __future__ import annotations

import html
import time
import traceback
from types import TracebackType

from .access import Access
from .cell import CellOutput
from .worker import STOP_S, Worker

__all__ = ["Report"]

_INTERVAL_S = 1.0
_STUCK_INTERVAL_S = 5.0
_KINDS = 20  # of errors told apart; a message that holds a number makes a new kind each time
_STYLE = (
    "border-left:3px solid var(--jp-error-color1,#d32f2f);padding:2px 8px;margin:0;"
    "white-space:pre-wrap;word-break:normal;overflow-wrap:anywhere"
)
_STOP_GRACE_S = 3.0
_WITHIN_REACH = (
    "It is stopped after 10 s, unless the kernel is busy: then it goes on when the kernel has time."
)
_BEYOND_REACH = (
    "It is inside a call that Python cannot stop (C code, a sleep, a lock): "
    "restart the kernel if it never comes back."
)
_HINT = "border-left:3px solid var(--jp-warn-color1,#f57c00);padding:2px 8px"


class Report:
    """The report of one callback; made in the cell that registers it, used from any thread."""

    def __init__(self, name: str, access: Access) -> None:
        self.counts: dict[str, int] = {}
        self._name = name
        self._access = access
        self._output = CellOutput()
        self._output.show("", "")
        self._standing = ("", "")  # the last error, as text and markup
        self._shown_at_s = float("-inf")
        self._stuck_s = 0.0

    def failed(self, error: BaseException, *, meanwhile: str) -> None:
        """The function raised, or returned what cannot be used."""
        kind = f"{type(error).__name__}: {error}"
        if kind not in self.counts and len(self.counts) >= _KINDS:
            kind = f"{type(error).__name__}, each time with another text"
        self.counts[kind] = count = self.counts.get(kind, 0) + 1
        now_s = time.monotonic()
        if count > 1 and now_s - self._shown_at_s < _INTERVAL_S:
            return
        self._shown_at_s = now_s
        detail = "".join(traceback.format_exception(type(error), error, _own_frames(error.__traceback__)))
        times = "" if count == 1 else f" ({count} times)"
        text = f"{self._name}{times}, {meanwhile}:\n{detail}"
        self._standing = (text, f'<pre style="{_STYLE}">{html.escape(text)}</pre>')
        self._output.show(*self._standing)
        problem = {
            "code": f"callback-{self._name}",
            "message": f"{self._name}: {type(error).__name__}: {error}",
            "next_step": f"Mend the function and run its cell again; {meanwhile}.",
            "detail": detail,
            "count": count,
        }
        self._access.submit("problem", problem=problem)

    def hint(self, text: str) -> None:
        """Advice about something that is no error."""
        self._output.show(text, f'<div style="{_HINT}">{html.escape(text)}</div>')

    def stuck(
        self, seconds: float, worker: Worker, *, others_wait: bool = False, behind: str | None = None
    ) -> None:
        """The function has not returned for so long; 0 means that it has now.

        ``behind`` names another one that runs in its place although it was replaced or removed.
        After ``STOP_S`` it is stopped, and when that has no effect, what keeps it and what to do is said.
        """
        if STOP_S <= seconds < STOP_S + _STOP_GRACE_S and worker.stop_call():
            return  # it ends with CallbackStopped, which is reported
        if seconds and self._stuck_s and seconds - self._stuck_s < _STUCK_INTERVAL_S:
            return
        was_stuck, self._stuck_s = bool(self._stuck_s), seconds
        if seconds:
            step = _BEYOND_REACH if seconds >= STOP_S + _STOP_GRACE_S else _WITHIN_REACH
            waiting = ", and what shares its thread waits" if others_wait else ""
            blocks = f"{self._name} waits for the former {behind}, which" if behind else self._name
            self.hint(f"{blocks} has not returned for {seconds:.0f} s{waiting}. {step}")
        elif was_stuck:
            self._output.show(*self._standing)

    def clear(self) -> None:
        """Everything is well again."""
        self._standing = ("", "")
        self._output.show("", "")
        if self.counts:
            self._access.submit("clear_problem", code=f"callback-{self._name}")


def _own_frames(frames: TracebackType | None) -> TracebackType | None:
    """The person's part of a traceback: without the frames of this package; None when it was all there."""
    current = frames
    while current is not None and "smallrtc_lab" in current.tb_frame.f_globals.get("__name__", ""):
        current = current.tb_next
    return current
