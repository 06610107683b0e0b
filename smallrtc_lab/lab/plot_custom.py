"""Plots that a person's own function draws, in the kernel, on a thread of its own."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from smallrtc_lab.errors import NotLiveError
from smallrtc_lab.frames import AudioClip, VideoFrame
from smallrtc_lab.plots.custom import CUSTOM_OPTIONS, axes_facts, dressed_figure
from smallrtc_lab.plots.options import Option

from .access import Access
from .options import check_keywords
from .plot import Arrays, OptionTrait, Plot
from .report import Report
from .signatures import name_of
from .worker import STOP_S, Worker

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["CustomPlot"]

_MEANWHILE = "the plot keeps its last picture"


class CustomPlot(Plot):
    """A plot drawn by ``draw(ax, clip)`` or ``draw(ax, frame)``, as its ``source`` has it.

    The function runs on a thread of its own, never twice at once, and only when somebody sees the plot; ``ax`` are new
    axes each time. Its errors are shown under the cell that made the plot.
    """

    kind = "custom"
    source = OptionTrait(CUSTOM_OPTIONS["source"])
    seconds = OptionTrait(CUSTOM_OPTIONS["seconds"])
    title = OptionTrait(CUSTOM_OPTIONS["title"])
    width = OptionTrait(CUSTOM_OPTIONS["width"])
    height = OptionTrait(CUSTOM_OPTIONS["height"])
    style = OptionTrait(CUSTOM_OPTIONS["style"])
    rate_hz = OptionTrait(CUSTOM_OPTIONS["rate_hz"])

    def __init__(
        self,
        access: Access,
        options: Mapping[str, Any],
        on_close: Callable[[Plot], None],
        draw: Callable[..., Any],
        worker: Worker,
    ) -> None:
        _require_takes_two(draw)
        self._draw = draw
        self._worker = worker
        self._item: AudioClip | VideoFrame | None = None
        self._report = Report(name_of(draw), access)
        super().__init__(access, options, on_close)

    def data(self) -> Arrays:
        """What the function got last: ``samples`` (n, channels) and ``times_s``, or ``image`` and ``time_s``.

        Raises :class:`NotLiveError` before anything came.

        >>> plot.data()["samples"].shape
        (48000, 2)
        """
        item = self._last_item()
        if isinstance(item, AudioClip):
            return {"samples": item.samples.copy(), "times_s": item.times_s}
        return {"image": item.image.copy(), "time_s": np.asarray(item.time_s)}

    def figure(self) -> Figure:
        """A matplotlib figure on which the function has drawn what it got last.

        >>> plot.figure().savefig("mine.pdf")
        """
        options = self._options()
        figure, axes = dressed_figure(
            options["width"], options["height"], 1.0, options["style"], "light", options["title"]
        )
        self._draw(axes, self._last_item())
        return figure

    def close(self) -> None:
        """It is gone. Safe to call twice."""
        if "_is_closed" in vars(self) and not self._is_closed:
            self._report.clear()
        super().close()

    # Inside

    def engine_event(self, header: Mapping[str, Any]) -> None:
        """See :meth:`Plot.engine_event`; the engine asks for a picture."""
        if header["name"] != "plot_draw":
            super().engine_event(header)
            return
        if self._worker.busy_s > STOP_S:
            self._worker.stop_call()
        self._worker.submit(lambda: self._answer(header))

    def _answer(self, header: Mapping[str, Any]) -> None:
        """Draw, and tell the engine; on the worker's thread."""
        if self._is_closed:
            return
        answer: dict[str, Any] = {"slot": None, "shape": None, "axes": [], "problem": ""}
        try:
            self._item = self._read()
            answer |= self._drawn(header, self._item)
        except NotLiveError:
            pass  # nothing came yet, and the plot says so
        except BaseException as error:  # noqa: BLE001 - border: a person's function; shown under its cell and in the plot
            self._report.failed(error, meanwhile=_MEANWHILE)
            answer["problem"] = f"{type(error).__name__}: {error}"
        self._access.submit("plot_drawn", plot=self._name, number=header["number"], answer=answer)

    def _drawn(self, header: Mapping[str, Any], item: AudioClip | VideoFrame) -> dict[str, Any]:
        canvas = (header["width"], header["height"], header["ratio"])
        figure, axes = dressed_figure(*canvas, self.style, header["theme"], self.title)
        self._worker.call(self._draw, axes, item)
        figure.canvas.draw()
        pixels = np.asarray(figure.canvas.buffer_rgba())  # type: ignore[attr-defined]
        ref = self._access.client.lend(pixels)
        slot = None if ref is None else list(ref)
        return {"slot": slot, "shape": list(pixels.shape), "axes": axes_facts(figure, header["ratio"])}

    def _read(self) -> AudioClip | VideoFrame:
        header, payload = self._access.call_with_payload("plot_item", plot=self._name)
        if header["kind"] == "sound":
            return self._access.clip(header, payload)
        try:
            return self._access.frame(header, self.source)
        finally:
            self._access.client.free(header)

    def _last_item(self) -> AudioClip | VideoFrame:
        return self._read() if self._item is None else self._item

    @classmethod
    def _table(cls) -> Mapping[str, Option]:
        return CUSTOM_OPTIONS

    @classmethod
    def _checked(cls, options: Mapping[str, Any]) -> dict[str, Any]:
        check_keywords(options, CUSTOM_OPTIONS, "plot.custom()")
        table = CUSTOM_OPTIONS.items()
        return {name: option.checked(name, options.get(name, option.default)) for name, option in table}


def _require_takes_two(draw: Callable[..., Any]) -> None:
    """Raise :class:`TypeError` for what is no function of axes and an item; said now, not once a picture."""
    if not callable(draw):
        raise TypeError(f"draw is a function of axes and a clip or frame, not {type(draw).__name__}")
    try:
        inspect.signature(draw).bind(None, None)
    except TypeError as error:
        raise TypeError(f"{name_of(draw)}(ax, clip or frame): {error}") from None
