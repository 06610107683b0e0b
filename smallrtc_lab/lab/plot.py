"""A live plot in a cell: a widget whose options are traits, and whose pictures never pass through the kernel."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, cast

import anywidget
import numpy as np
import numpy.typing as npt
import traitlets

from smallrtc_lab.errors import ClosedError
from smallrtc_lab.plots.making import make_figure
from smallrtc_lab.plots.options import OPTIONS, Option, checked, checked_marks

from .access import Access
from .comm import PlotComm
from .front_end import front_end, with_still
from .home import still_sentence
from .options import checks_keywords

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["PLOTS", "OptionTrait", "Plot"]

_STILL = "Live plot: run this notebook in Jupyter with smallrtc-lab to see it."
# Widgets have a trait of that name already: their logger.
_COLOURS = frozenset({"style", "cmap"})
_USUAL = frozenset(
    {None, "light", "dark", "gray", "viridis", "magma", "inferno", "plasma", "cividis", "turbo", "jet"}
)
_TRAIT_NAMES = {"log": "log_counts"}
Arrays = dict[str, npt.NDArray[Any]]


class OptionTrait(traitlets.TraitType[Any, Any]):
    """An option of a plot as a trait; it is not synced, for pages are told by the engine."""

    allow_none = True

    def __init__(self, option: Option) -> None:
        unit = f" ({option.unit})" if option.unit else ""
        super().__init__(option.default, allow_none=True, help=f"{option.help}{unit}")
        self.option = option

    def validate(self, obj: Any, value: Any) -> Any:
        """As the option has it; TraitError with a sentence for what it may not be."""
        try:
            checked_value = self.option.checked(str(self.name), value)
            _require_colours(str(self.name), checked_value)
            return checked_value
        except (TypeError, ValueError) as error:
            raise traitlets.TraitError(str(error)) from None


@checks_keywords
class Plot(anywidget.AnyWidget):  # type: ignore[misc]
    """A live plot, made by ``lab.plot.spectrum()`` and its sisters. It stands in boxes as every widget does.

    Its options are traits that may be set and linked at any time; it is drawn by the media process, so that it goes on
    while a cell computes, and only while somebody sees it.

    >>> spectrum = lab.plot.spectrum(fmax_hz=4000)
    >>> spectrum.fmax_hz = 2000
    >>> ipywidgets.link((slider, "value"), (spectrum, "fmax_hz"))
    """

    _esm = front_end("plot.js")
    _css = front_end("plot.css")
    _plot = traitlets.Dict().tag(sync=True)
    kind: ClassVar[str] = ""

    def __init__(self, access: Access, options: Mapping[str, Any], on_close: Callable[[Plot], None]) -> None:
        self._access = access
        self._on_close = on_close
        self._name = secrets.token_urlsafe(9).replace(
            "-", "x"
        )  # a name of the address, which begins as names do
        self._marks: list[dict[str, Any]] = []
        self._is_closed = False
        self._frozen = False
        found = self._checked(options)
        about: dict[str, Any] = {"session": access.session_id, "plot": self._name, "kind": self.kind}
        shown = {name: found[name] for name in ("title", "width", "height")}
        about["by_comm"] = not access.has_server
        super().__init__(_plot=about | shown, **{_trait(name): value for name, value in found.items()})
        self._views = PlotComm(access, self._name, self.send)
        self.on_msg(self._views.received)
        self.reopen()
        self.observe(self._option_changed, names=[_trait(name) for name in found])

    def __repr__(self) -> str:
        state = "closed" if self._is_closed else "frozen" if self._frozen else "live"
        return f"<{type(self).__name__} {self.kind}, {state}>"

    def _repr_mimebundle_(self, **options: Any) -> Any:
        return with_still(super()._repr_mimebundle_(**options), still_sentence(_STILL, self._access))

    @property
    def frozen(self) -> bool:
        """Whether it shows a moment of the past."""
        return self._frozen

    @property
    def stats(self) -> dict[str, Any]:
        """Of each of its ``views``: pictures ``shown``, ``rate_hz``, ``delay_ms`` from moment to sight, ``visible``."""
        found: dict[str, Any] = self._call("plot_stats", plot=self._name)
        return found

    def freeze(self) -> None:
        """Hold it at this moment; options still change how that moment is shown.

        All plots of a lab at the same samples: ``lab.plot.freeze()``.
        """
        self._call("plot_freeze", plots=[self._name])
        self._frozen = True

    def resume(self) -> None:
        """Go on with what comes."""
        self._call("plot_resume", plots=[self._name])
        self._frozen = False

    def mark(
        self,
        *,
        y_hz: float | None = None,
        time_s: float | None = None,
        y_db: float | None = None,
        y: float | None = None,
        label: str = "",
    ) -> None:
        """Draw a line at a frequency, a session time, a level or a value, with a label.

        Raises :class:`TypeError` for a position this kind of plot has not.

        >>> spectrogram.mark(y_hz=440, label="a")
        """
        given = {"y_hz": y_hz, "time_s": time_s, "y_db": y_db, "y": y}
        mark = {name: value for name, value in given.items() if value is not None} | {"label": label}
        checked_marks(self.kind, [*self._marks, mark])
        self._marks.append(mark)
        self._call("plot_mark", plot=self._name, marks=self._marks)

    def clear_marks(self) -> None:
        """No lines any more."""
        self._marks.clear()
        self._call("plot_mark", plot=self._name, marks=[])

    def data(self) -> Arrays:
        """What it shows, as arrays: of the picture that was drawn last, or of now where nobody sees it.

        Raises :class:`NotLiveError` before anything came.

        >>> spectrogram.data()["level_db"].shape
        (171, 470)
        """
        table, payload = self._access.call_with_payload("plot_data", plot=self._required_name)
        arrays: Arrays = {}
        position = 0
        for name, dtype, shape in table:
            count = int(np.prod(shape))
            kind = np.dtype(dtype)
            arrays[name] = np.frombuffer(payload, kind, count, position).reshape(shape).copy()
            position += count * kind.itemsize
        return arrays

    def figure(self) -> Figure:
        """What it shows as a matplotlib figure, made here, to be changed and saved.

        A cell shows it; one with a person's picture is not saved with the notebook, unless the lab allows that.

        >>> spectrogram.figure().savefig("voice.pdf")
        """
        figure = make_figure(self.kind, self._options(), self.data(), self._marks)
        if self.kind == "video" and not self._access.call("plot_shareable"):
            figure.show_unsaved = self._show_unsaved
        return cast("Figure", figure)

    def _show_unsaved(self, png: bytes) -> None:
        from IPython.display import HTML, display

        display(HTML(self._access.publish_png(png, f"{self.kind} plot")))

    def close(self) -> None:
        """It is gone, from its pages too. Safe to call twice."""
        if "_is_closed" in vars(self) and not self._is_closed:
            self._is_closed = True
            self._access.submit("plot_close", plot=self._name)
            self._on_close(self)
        super().close()

    # Inside

    def reopen(self) -> None:
        """Make it in the engine, which may be a new one."""
        self._access.submit("plot_create", plot=self._name, kind=self.kind, options=self._options())
        if self._marks:
            self._access.submit("plot_mark", plot=self._name, marks=self._marks)
        self._views.greet_again()
        self._frozen = False

    def engine_event(self, header: Mapping[str, Any]) -> None:
        """The engine says something of this plot; on the reader's thread."""
        if header["name"] == "plot_frozen":
            self._frozen = bool(header["frozen"])
        elif header["name"] == "to_view" and not self._is_closed:
            self._views.tell(header["page"], header["message"], header.get("payload", b""))

    @property
    def name(self) -> str:
        """What the engine and pages know it by."""
        return self._name

    @classmethod
    def _table(cls) -> Mapping[str, Option]:
        return OPTIONS[cls.kind]

    @classmethod
    def _checked(cls, options: Mapping[str, Any]) -> dict[str, Any]:
        found = checked(cls.kind, options)
        for name in _COLOURS & found.keys():
            _require_colours(name, found[name])
        return found

    def _options(self) -> dict[str, Any]:
        return {name: getattr(self, _trait(name)) for name in self._table()}

    def _option_changed(self, change: Any) -> None:
        options = self._options()
        changed = {name: options[name] for name in options if _trait(name) == change["name"]}
        self._access.submit("plot_set", plot=self._name, options=changed)

    @property
    def _required_name(self) -> str:
        if self._is_closed:
            raise ClosedError("this plot was closed; make a new one with lab.plot")
        return self._name

    def _call(self, method: str, **args: Any) -> Any:
        assert self._required_name
        return self._access.call(method, **args)


def _require_colours(option: str, name: Any) -> None:
    """Raise :class:`ValueError` for a style or colour map that matplotlib has not; it is loaded for rare ones only."""
    if option in _COLOURS and name not in _USUAL:
        from smallrtc_lab.plots.look import colour_map, look_of

        look_of(name, "light") if option == "style" else colour_map(name)


def _trait(option: str) -> str:
    """The name of an option's trait."""
    return _TRAIT_NAMES.get(option, option)


def _plot_class(kind: str) -> type[Plot]:
    """The widget of one kind: its options are its traits."""
    traits = {_trait(name): OptionTrait(option) for name, option in OPTIONS[kind].items()}
    return type(f"{kind.capitalize()}Plot", (Plot,), {"kind": kind, "__module__": __name__, **traits})


PLOTS: Mapping[str, type[Plot]] = {kind: _plot_class(kind) for kind in OPTIONS}
