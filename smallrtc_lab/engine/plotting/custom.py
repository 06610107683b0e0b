"""Plots whose pictures a function in the kernel draws: asked for as all others, seen, due and new, one at a time.

The kernel is asked for a picture, reads what it draws from, and answers with pixels in shared memory. The engine waits
for it on no thread: the view does, and says so when nothing comes.
"""

from __future__ import annotations

import asyncio
import itertools
import math
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from typing import Any

import numpy as np

from smallrtc_lab.engine.arena import SlotRef
from smallrtc_lab.engine.bridge import Bridge, Reply
from smallrtc_lab.errors import EngineError, NotLiveError
from smallrtc_lab.framing import Header
from smallrtc_lab.plots.custom import CUSTOM_OPTIONS, SOUND
from smallrtc_lab.plots.drawing import Arrays, Reading
from smallrtc_lab.plots.jpeg import to_jpeg

from .artist import Artist, Look, Painted
from .plot import Plot
from .source import Material

__all__ = ["CustomPlot", "KernelArtist", "Request"]

_DRAWN_WITHIN_S = 10.0
_LATE = "the kernel has not drawn it for 10 s; does a cell keep it busy?"


class Request:
    """Pictures that the kernel was asked for and has not drawn yet, by number."""

    def __init__(self, session: str, plot: str, bridge: Bridge) -> None:
        self._session = session
        self._plot = plot
        self._bridge = bridge
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Header]] = {}

    async def picture(self, look: Look) -> Header:
        """Ask for a picture; raises :class:`EngineError` with the kernel's words, or when none comes in time."""
        number = next(self._numbers)
        self._waiting[number] = answer = asyncio.get_running_loop().create_future()
        canvas: Header = {
            "width": look.width,
            "height": look.height,
            "ratio": look.ratio,
            "theme": look.theme,
        }
        self._bridge.event(self._session, "plot_draw", plot=self._plot, number=number, **canvas)
        try:
            async with asyncio.timeout(_DRAWN_WITHIN_S):
                drawn: Header = await answer
        except TimeoutError:
            raise EngineError(_LATE) from None
        finally:
            del self._waiting[number]
        if drawn["problem"]:
            raise EngineError(drawn["problem"])
        return drawn

    def drawn(self, number: int, answer: Header) -> bool:
        """The kernel has answered; False when nobody waits for it any more."""
        waiting = self._waiting.get(number)
        if waiting is None or waiting.done():
            return False
        waiting.set_result(answer)
        return True


class KernelArtist:
    """An :class:`~.artist.Artist` whose hand is in the kernel."""

    def __init__(self, request: Request, bridge: Bridge, painter: Executor) -> None:
        self._request = request
        self._bridge = bridge
        self._painter = painter
        self._axes: Sequence[Header] = ()

    async def paint(self, look: Look, material: Material, quality: int) -> Painted | None:
        """See :meth:`~.artist.Artist.paint`; None while there is nothing to draw from."""
        drawn = await self._request.picture(look)
        if drawn["slot"] is None:
            return None
        ref = SlotRef.from_json(drawn["slot"])
        loop = asyncio.get_running_loop()
        try:
            painted = await loop.run_in_executor(self._painter, self._encoded, ref, drawn["shape"], quality)
        finally:
            self._bridge.free(ref)
        self._axes = drawn["axes"]
        return painted

    async def value_at(self, x_px: float, y_px: float) -> Reading | None:
        """The point in the coordinates of the axes there."""
        for axes in self._axes:
            left, top, right, bottom = axes["box"]
            if left <= x_px <= right and top <= y_px <= bottom:
                x = _between(axes["x"], (x_px - left) / (right - left))
                y = _between(axes["y"], (bottom - y_px) / (bottom - top))
                return Reading(x, y, y, f"x {x:.4g}, y {y:.4g}")
        return None

    async def arrays(self) -> Arrays:
        """The kernel has them."""
        return {}

    def _encoded(self, ref: SlotRef, shape: Sequence[int], quality: int) -> Painted:
        pixels = np.frombuffer(self._bridge.attachments.view(ref), np.uint8).reshape(shape)
        return Painted(to_jpeg(pixels, quality), shape[1], shape[0])


class CustomPlot(Plot):
    """A plot that the kernel draws."""

    def use(self, bridge: Bridge) -> None:
        """How the kernel is reached; before any view comes."""
        self._bridge = bridge
        self._request = Request(self._session.session_id, self.name, bridge)

    def artist(self) -> Artist:
        """See :meth:`Plot.artist`."""
        return KernelArtist(self._request, self._bridge, self._painter)

    def drawn(self, number: int, answer: Header) -> None:
        """The kernel has drawn, or failed to."""
        if not self._request.drawn(number, answer):
            self._bridge.free_result({"slot": answer["slot"]} if answer["slot"] else {})

    async def item(self) -> Reply:
        """What the function is to draw: sound as float32, or the header of a picture in a slot.

        Raises :class:`NotLiveError` before anything came.
        """
        sound, moment = self.material()
        if self._options["source"] == SOUND:
            if sound is None:
                raise NotLiveError
            first = max(sound.start, moment.end - round(float(self._options["seconds"]) * sound.sample_rate))
            samples, gaps = sound.read(first, moment.end - first)
            return self._sound_header(sound, first, gaps, samples.shape[1]), samples.tobytes()
        shot = moment.shots.get(str(self._options["source"]))
        if shot is None:
            raise NotLiveError
        loop = asyncio.get_running_loop()
        image = await loop.run_in_executor(self._painter, shot.rgb, shot.width, shot.height)
        slot = self._bridge.pool.acquire(image.nbytes)
        if slot is None:
            raise EngineError("every picture slot is in use")
        ref, memory = slot
        np.frombuffer(memory, np.uint8).reshape(image.shape)[...] = image
        size = {"width": shot.width, "height": shot.height, "format": "rgb", "slot": list(ref)}
        when = {"time_s": shot.time_s, "time_kind": "arrival", "sequence": shot.sequence}
        return {"kind": "picture", **size, **when, "shareable": self._session.shareable}, b""

    def _sound_header(self, sound: Any, first: int, gaps: Sequence[tuple[int, int]], channels: int) -> Header:
        rate = sound.sample_rate
        return {
            "kind": "sound",
            "sample_rate": rate,
            "channels": channels,
            "start_s": first / rate,
            "shift_s": sound.time_s(first) - first / rate,
            "time_kind": self._session.audio.axis.kind,
            "gaps": [[position / rate, length / rate] for position, length in gaps],
            "shareable": self._session.shareable,
        }

    def _positions(self) -> tuple[int, ...]:
        if self._options["source"] == SOUND:
            return (self._session.audio.received and self._session.audio.ring.end,)
        return super()._positions()

    def _checked(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        return {
            name: option.checked(name, options.get(name, option.default))
            for name, option in CUSTOM_OPTIONS.items()
        }


def _between(axis: tuple[float, float, str], share: float) -> float:
    """The value at a share of the way along an axis: first, last, scale."""
    first, last, scale = axis
    if scale == "log" and first > 0 and last > 0:
        return math.exp(math.log(first) + share * (math.log(last) - math.log(first)))
    return first + share * (last - first)
