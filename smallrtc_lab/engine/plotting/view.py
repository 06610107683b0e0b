"""One view of a plot on one page, and the law of its pictures.

A picture is drawn when the page has acknowledged the last one, somebody sees the view, something has changed, and its
time has come: ``rate_hz`` at most, less where the way is narrow. So one picture at most is under way to each view, and
it is never older than the way is long. Each view has a drawing of its own: text and lines are sharp only in the size
they are drawn for, and a view that nobody sees costs nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from smallrtc_lab.errors import SmallRTCError
from smallrtc_lab.framing import Header

from .artist import Artist, Look, described
from .budget import ByteBudget
from .page import Canvas, canvas_of, cost_s_of, point_of
from .source import Material

__all__ = ["PlotView", "Subject"]

logger = logging.getLogger(__name__)

ACKNOWLEDGED_WITHIN_S = 10.0  # else the picture, or the page's word, was lost
_AFTER_AN_ERROR_S = 1.0
_PACE_TOLD_EACH_S = 1.0

Send = Callable[[Header, bytes], None]


class Subject(Protocol):
    """What a view shows: a plot. All on the engine's loop."""

    @property
    def rate_hz(self) -> float:
        """Pictures a second at most."""

    @property
    def stamp(self) -> object:
        """Differs when there is something else to draw."""

    def look(self, canvas: Canvas) -> Look:
        """How it is to look there."""

    def material(self) -> Material:
        """What it is drawn from now."""

    def freeze(self, on: bool, everything: bool) -> None:
        """The person pressed the button: this plot, or all plots of the lab."""


@dataclass(frozen=True)
class _Sent:
    """A picture that the page has not acknowledged."""

    number: int
    size: int
    drawn_s: float  # when its material was taken
    sent_s: float


class PlotView:
    """A view; ``close`` it when its page has gone. ``most_hz`` limits it where no socket of its own leads to it."""

    def __init__(self, key: str, send: Send, most_hz: float | None = None) -> None:
        self.key = key
        self.most_hz = most_hz
        self.page: str | None = None
        self.canvas: Canvas | None = None
        self.visible = False
        self.shown = 0
        self.drawn: object = None  # the stamp of what was drawn last
        self.artist: Artist | None = None
        self.delays_s: deque[tuple[float, float]] = deque(
            maxlen=300
        )  # when acknowledged, and how long after drawing
        self._subject: Subject | None = None
        self._send = send
        self._budget = ByteBudget()
        self._loop = asyncio.get_running_loop()
        self._sent: _Sent | None = None
        self._number = 0
        self._due_s = 0.0
        self._idle = False  # nothing new to draw: what comes wakes it
        self._wake = asyncio.Event()
        self._pointer: tuple[float, float] | None = None
        self._reading: asyncio.Task[None] | None = None
        self._told: dict[str, Header] = {}
        self._pace_told_s = -math.inf
        self._task = self._loop.create_task(self._run(), name=f"plot view {key}")

    def follow(self, subject: Subject, artist: Artist, greeting: Header) -> None:
        """Show this from now on."""
        self._subject, self.artist, self.drawn = subject, artist, None
        self.tell(greeting)
        self.wake()

    def meet(self, page: str, budget: ByteBudget, canvas: Canvas | None, visible: bool) -> None:
        """The page said hello: nothing that was sent before will be acknowledged."""
        self.page, self._budget, self.canvas, self.visible = page, budget, canvas, visible
        self._sent, self.drawn = None, None
        self._told.clear()
        self.wake()

    def tell(self, message: Header) -> None:
        """Tell the page, unless it knows already."""
        if self.page is not None and self._told.get(message["type"]) != message:
            self._told[message["type"]] = message
            self._send(message, b"")

    def wake(self) -> None:
        """Something of this view or its plot has changed."""
        self._wake.set()

    def came(self) -> None:
        """Something new may be drawn from."""
        if self._idle:
            self._wake.set()

    async def close(self) -> None:
        """The view is gone."""
        self._budget.leave(self.key)
        tasks = [self._task, *([self._reading] if self._reading is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # What the page says

    def received(self, message: Header) -> None:
        """A message of the page's, after its hello."""
        match message.get("type"):
            case "ack":
                self._acknowledged(message.get("n"), cost_s_of(message))
            case "visible":
                self._see(message.get("visible") is True)
            case "size" | "theme":
                self.canvas = canvas_of(message, self.canvas)
                self.wake()
            case "pointer":
                self._pointer = point_of(message)
                self._read()
            case "freeze" | "unfreeze" if self._subject is not None:
                self._subject.freeze(message["type"] == "freeze", message.get("all") is True)

    def _acknowledged(self, number: Any, cost_s: float) -> None:
        sent, now_s = self._sent, self._loop.time()
        if sent is None or number != sent.number or self._subject is None:
            return
        self._sent = None
        self.shown += 1
        self.delays_s.append((now_s, now_s - sent.drawn_s))
        self._budget.acknowledged(self.key, sent.size, self._rate_hz(self._subject), cost_s)
        self._tell_pace(now_s)
        self.wake()

    def _see(self, visible: bool) -> None:
        self.visible = visible
        if not visible:
            self._budget.leave(self.key)
        self.wake()

    def _tell_pace(self, now_s: float) -> None:
        """Say that pictures are left out, or that they are no longer."""
        assert self._subject is not None
        rate_hz = self._rate_hz(self._subject) * self._budget.factor
        why = self._budget.why if self._budget.is_slow else "through the notebook" if self.most_hz else ""
        text = f"{rate_hz:.{0 if rate_hz >= 2 else 1}f}/s: {why}" if why else ""
        if now_s - self._pace_told_s >= _PACE_TOLD_EACH_S:
            self._pace_told_s = now_s
            if text or "pace" in self._told:
                self.tell({"type": "pace", "text": text})

    def _rate_hz(self, subject: Subject) -> float:
        """What is wanted, within what its way may carry."""
        return subject.rate_hz if self.most_hz is None else min(subject.rate_hz, self.most_hz)

    # What is under the mouse

    def _read(self) -> None:
        if self._reading is None or self._reading.done():
            self._reading = self._loop.create_task(self._tell_reading(), name=f"plot reading {self.key}")

    async def _tell_reading(self) -> None:
        while True:
            at = self._pointer
            if at is None or self.artist is None:
                return
            reading = await self.artist.value_at(*at)
            if self._pointer is not None:
                self._send({"type": "reading", **described(reading), "at": list(at)}, b"")
            if at == self._pointer:
                return

    # Its pictures

    async def _run(self) -> None:
        while True:
            wait_s = self._wait_s()
            if wait_s == 0.0:
                await self._show()
                continue
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._wake.wait()

    def _wait_s(self) -> float | None:
        """How long until a picture may be drawn: 0 now, None until something happens."""
        self._idle = False
        if self._subject is None or self.canvas is None or not self.visible:
            return None
        now_s = self._loop.time()
        if self._sent is not None:
            lost_in_s = self._sent.sent_s + ACKNOWLEDGED_WITHIN_S - now_s
            if lost_in_s > 0:
                return lost_in_s
            self._sent, self.drawn = None, None
        if now_s < self._due_s:
            return self._due_s - now_s
        self._idle = self.drawn == (self.canvas, self._subject.stamp)
        return None if self._idle else 0.0

    async def _show(self) -> None:
        """Draw what there is and send it."""
        subject, canvas, artist = self._subject, self.canvas, self.artist
        assert subject is not None
        assert canvas is not None
        assert artist is not None
        begun_s = self._loop.time()
        interval_s = 1.0 / (self._rate_hz(subject) * self._budget.factor)
        late_s = begun_s - self._due_s
        self._due_s = begun_s + interval_s - (late_s if late_s < interval_s else 0.0)
        stamp = (canvas, subject.stamp)
        try:
            painted = await artist.paint(subject.look(canvas), subject.material(), self._budget.quality)
        except Exception as error:  # border: what cannot be drawn is logged and said in the plot
            if not isinstance(
                error, SmallRTCError
            ):  # else a function of the person's: said under its cell, too
                logger.exception("a plot could not be drawn")
            self.tell({"type": "problem", "text": f"This plot could not be drawn: {error}"})
            self.drawn, self._due_s = stamp, begun_s + _AFTER_AN_ERROR_S
            return
        self.drawn = stamp
        if "problem" in self._told:
            self.tell({"type": "problem", "text": ""})
        if painted is None or not self.visible or self._subject is not subject:
            return
        self._number += 1
        self._sent = _Sent(self._number, len(painted.jpeg), begun_s, self._loop.time())
        self._send({"type": "coming", "n": self._number}, b"")
        header = {"type": "picture", "n": self._number, "width": painted.width, "height": painted.height}
        self._send(header | {"css_width": canvas.width, "css_height": canvas.height}, painted.jpeg)
        if self._pointer is not None:
            self._read()
