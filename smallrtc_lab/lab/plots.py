"""``lab.plot``: the plots of one lab."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from smallrtc_lab.errors import ClosedError
from smallrtc_lab.framing import Header
from smallrtc_lab.plots.custom import CUSTOM_OPTIONS
from smallrtc_lab.plots.options import OPTIONS, Option

from .access import Access
from .cell import Places
from .plot import PLOTS, Plot
from .plot_custom import CustomPlot
from .worker import Worker

__all__ = ["Plots"]

F = TypeVar("F", bound=Callable[..., Any])


def _with_options(table: Mapping[str, Option]) -> Callable[[F], F]:
    """Decorator: the signature and the docstring name the options that ``**options`` takes."""

    def decorate(function: F) -> F:
        @functools.wraps(function)
        def wrapped(*args: Any, **options: Any) -> Any:
            return function(*args, **options)

        kept = [p for p in inspect.signature(function).parameters.values() if p.kind is not p.VAR_KEYWORD]
        keyword = inspect.Parameter.KEYWORD_ONLY
        more = [inspect.Parameter(name, keyword, default=option.default) for name, option in table.items()]
        wrapped.__signature__ = inspect.Signature([*kept, *more])  # type: ignore[attr-defined]
        lines = [f"{name}: {option.help}" for name, option in table.items()]
        wrapped.__doc__ = "\n        ".join([(function.__doc__ or "").rstrip(), "", *lines])
        return wrapped  # type: ignore[return-value]

    return decorate


class Plots:
    """Live plots of this lab's sound, pictures and figures, each a widget: see :class:`~.plot.Plot`.

    A plot that the same cell makes again at the same place replaces the one before.
    """

    def __init__(self, access: Access) -> None:
        self._access = access
        self._places = Places()
        self._plots: dict[str, Plot] = {}
        self._worker: Worker | None = None  # of functions that draw; made with the first of them

    def __repr__(self) -> str:
        return f"lab.plot: {', '.join(PLOTS)} and custom; open: {len(self._plots)}"

    @_with_options(OPTIONS["waveform"])
    def waveform(self, **options: Any) -> Plot:
        """The sound's last moments over time.

        >>> lab.plot.waveform(seconds=0.1)
        """
        return self._made("waveform", options)

    @_with_options(OPTIONS["spectrum"])
    def spectrum(self, **options: Any) -> Plot:
        """Levels over frequency, as ``scipy.signal.welch`` gives them.

        >>> lab.plot.spectrum(window="blackman", fmax_hz=4000)
        """
        return self._made("spectrum", options)

    @_with_options(OPTIONS["spectrogram"])
    def spectrogram(self, **options: Any) -> Plot:
        """Levels over time and frequency, as ``scipy.signal.spectrogram`` gives them.

        >>> lab.plot.spectrogram(seconds=5, nperseg=1024)
        """
        return self._made("spectrogram", options)

    @_with_options(OPTIONS["level"])
    def level(self, **options: Any) -> Plot:
        """The loudness of the last seconds, in dBFS.

        >>> lab.plot.level(seconds=30)
        """
        return self._made("level", options)

    @_with_options(OPTIONS["video"])
    def video(self, **options: Any) -> Plot:
        """The newest picture of the camera, the screen, or of what is sent to the browser.

        >>> lab.plot.video(source="camera", format="gray", cmap="viridis")
        """
        return self._made("video", options)

    @_with_options(OPTIONS["histogram"])
    def histogram(self, **options: Any) -> Plot:
        """How often each brightness is found in the newest picture, by colour.

        >>> lab.plot.histogram(bins=32)
        """
        return self._made("histogram", options)

    @_with_options(OPTIONS["stats"])
    def stats(self, **options: Any) -> Plot:
        """Fields of ``lab.stats_history()`` over time.

        >>> lab.plot.stats(names=["fps", "delay_ms"], seconds=60)
        """
        return self._made("stats", options)

    @_with_options(CUSTOM_OPTIONS)
    def custom(self, draw: Callable[..., Any], **options: Any) -> Plot:
        """A plot of your own: ``draw(ax, clip)``, or ``draw(ax, frame)``, draws on matplotlib axes, in the kernel.

        It runs on a thread of its own while somebody sees the plot; do not use ``pyplot`` in it.

        >>> lab.plot.custom(lambda ax, clip: ax.magnitude_spectrum(clip.mono, clip.sample_rate), seconds=0.2)
        """
        if self._worker is None:
            self._worker = Worker("smallrtc plots", log=self._access.log)
        return self._placed(CustomPlot(self._access, options, self._closed, draw, self._worker))

    def freeze(self) -> None:
        """Hold all plots of this lab at the same samples.

        >>> lab.plot.freeze()
        """
        self._access.call("plot_freeze", plots=None)

    def resume(self) -> None:
        """Let all of them go on with what comes.

        >>> lab.plot.resume()
        """
        self._access.call("plot_resume", plots=None)

    # Inside

    def close(self) -> None:
        """Close all of them; the lab is closed."""
        for plot in list(self._plots.values()):
            plot.close()
        if self._worker is not None:
            self._worker.close()

    def reopen(self) -> None:
        """A new engine runs: make them there."""
        for plot in list(self._plots.values()):
            plot.reopen()

    def engine_event(self, header: Header) -> None:
        """The engine says something of a plot; on the reader's thread."""
        for plot in list(self._plots.values()):
            if plot.name == header["plot"]:
                plot.engine_event(header)

    def _made(self, kind: str, options: Mapping[str, Any]) -> Plot:
        return self._placed(PLOTS[kind](self._access, options, self._closed))

    def _placed(self, plot: Plot) -> Plot:
        """A new plot in its place; the one it replaces is closed."""
        if self._access.closed:
            plot.close()
            raise ClosedError("this lab was closed; make a new Lab()")
        place = self._places.next()
        old = self._plots.pop(place, None)
        self._plots[place] = plot
        if old is not None:
            old.close()
        return plot

    def _closed(self, plot: Plot) -> None:
        for place in [place for place, one in self._plots.items() if one is plot]:
            del self._plots[place]
