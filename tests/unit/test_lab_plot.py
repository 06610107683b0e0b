"""A plot as a widget: its options are traits, what changes is told to the engine at once, and nothing else travels."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest
import traitlets

from smallrtc_lab.errors import ClosedError
from smallrtc_lab.lab.plot import PLOTS, Plot
from smallrtc_lab.lab.plot_custom import CustomPlot
from smallrtc_lab.lab.plots import Plots
from smallrtc_lab.plots.options import KINDS, OPTIONS


class Access:
    """An engine that keeps what it is told and has two arrays to give."""

    session_id = "s1"
    closed = False
    has_server = True
    log = None

    def __init__(self) -> None:
        self.told: list[tuple[str, dict[str, Any]]] = []

    def submit(self, method: str, **args: Any) -> None:
        self.told.append((method, args))

    def call(self, method: str, **args: Any) -> Any:
        self.told.append((method, args))

    def call_with_payload(self, method: str, **args: Any) -> tuple[Any, bytes]:
        self.told.append((method, args))
        counts, time_s = np.arange(6, dtype=np.int64).reshape(2, 3), np.asarray(1.5)
        table = [["counts", counts.dtype.str, [2, 3]], ["time_s", time_s.dtype.str, []]]
        return table, counts.tobytes() + time_s.tobytes()


@pytest.fixture
def access() -> Access:
    return Access()


@pytest.fixture
def plots(access: Access) -> Plots:
    return Plots(access)  # type: ignore[arg-type]


def last(access: Access) -> tuple[str, dict[str, Any]]:
    method, args = access.told[-1]
    return method, {name: value for name, value in args.items() if name != "plot"}


@pytest.mark.parametrize("kind", KINDS)
def test_every_option_is_a_trait_of_its_kind(plots: Plots, access: Access, kind: str) -> None:
    """Each kind has a method, whose signature names its options, and a widget with a trait for each of them."""
    plot = getattr(plots, kind)()
    assert isinstance(plot, PLOTS[kind])
    assert list(inspect.signature(getattr(plots, kind)).parameters) == list(OPTIONS[kind])
    assert ">>>" in getattr(plots, kind).__doc__
    method, args = last(access)
    assert (method, args["kind"], set(args["options"])) == ("plot_create", kind, set(OPTIONS[kind]))
    for name, option in OPTIONS[kind].items():
        assert plot.has_trait({"log": "log_counts"}.get(name, name)), name
        assert args["options"][name] == option.default


def test_a_wrong_keyword_names_the_nearest(plots: Plots) -> None:
    """As everywhere: TypeError for the name, a sentence for the value."""
    with pytest.raises(TypeError, match="did you mean 'fmax_hz'"):
        plots.spectrum(fmax=3)
    with pytest.raises(ValueError, match="nperseg"):
        plots.spectrogram(nperseg=3)
    with pytest.raises(TypeError, match="did you mean 'seconds'"):
        plots.custom(lambda ax, clip: None, second=1)
    plots.close()


def test_a_change_is_told_at_once(plots: Plots, access: Access) -> None:
    """Setting and linking tell the engine of what changed, and of nothing else; what may not be is a TraitError."""
    plot, other = plots.spectrum(), plots.spectrogram()
    plot.fmax_hz = 4000
    assert last(access) == ("plot_set", {"options": {"fmax_hz": 4000.0}})
    traitlets.link((plot, "fmax_hz"), (other, "fmax_hz"))
    plot.fmax_hz = 2000
    assert other.fmax_hz == 2000
    with pytest.raises(traitlets.TraitError, match="window"):
        plot.window = "haan"
    count = len(access.told)
    plot.fmax_hz = 2000
    assert len(access.told) == count
    histogram = plots.histogram(log=True)
    assert histogram.log_counts is True
    histogram.log_counts = False
    assert last(access) == ("plot_set", {"options": {"log": False}})


def test_what_a_notebook_saves_gives_no_access(plots: Plots) -> None:
    """The widget's state has names and a size, no options and no pictures; a still sentence stands beside it."""
    plot = plots.waveform(title="Mine")
    about = plot.get_state()["_plot"]
    assert set(about) == {"session", "plot", "kind", "width", "height", "title", "by_comm"}
    assert "fmax_hz" not in plots.spectrum().get_state()
    assert "run this notebook" in plot._repr_mimebundle_()[0]["text/html"]


def test_arrays_come_as_they_were(plots: Plots) -> None:
    """Shapes, types and values of all arrays, each private and writable."""
    found = plots.histogram().data()
    np.testing.assert_array_equal(found["counts"], [[0, 1, 2], [3, 4, 5]])
    assert (found["counts"].dtype, found["time_s"].shape, float(found["time_s"])) == (np.int64, (), 1.5)
    found["counts"][0] = 9


def test_marks_are_checked_and_kept(plots: Plots, access: Access) -> None:
    """A line stands where this kind has an axis; a new engine is told of all of them again."""
    plot = plots.spectrogram()
    plot.mark(y_hz=440, label="a")
    with pytest.raises(TypeError, match="y_db"):
        plot.mark(y_db=3)
    plot.reopen()
    assert last(access) == ("plot_mark", {"marks": [{"y_hz": 440, "label": "a"}]})
    plot.clear_marks()
    assert last(access) == ("plot_mark", {"marks": []})


def test_closed_is_closed(plots: Plots, access: Access) -> None:
    """A closed plot is told to the engine once, and says so when it is used; a lab's end closes all."""
    plot, other = plots.level(), plots.stats()
    plot.close()
    plot.close()
    assert [method for method, _ in access.told].count("plot_close") == 1
    for use in (plot.data, plot.freeze, plot.figure, lambda: plot.mark(y_db=1)):
        with pytest.raises(ClosedError):
            use()
    plots.close()
    assert "closed" in repr(other)
    assert "open: 0" in repr(plots)


def test_what_draws_is_a_function_of_two(plots: Plots) -> None:
    """What cannot be called with axes and a clip is refused when the plot is made, not once a picture."""
    assert isinstance(plots.custom(lambda ax, clip: None), CustomPlot)
    for draw in (3, lambda ax: None):
        with pytest.raises(TypeError):
            plots.custom(draw)  # type: ignore[arg-type]
    plots.close()


def test_the_engines_word_on_freezing(plots: Plots) -> None:
    """A plot that a person froze in the page says so here."""
    plot = plots.waveform()
    assert isinstance(plot, Plot)
    assert not plot.frozen
    plots.engine_event({"name": "plot_frozen", "plot": plot.name, "frozen": True})
    assert plot.frozen
    assert "frozen" in repr(plot)


def test_colours_that_matplotlib_has_not_are_refused_at_once(plots: Plots) -> None:
    """A style or colour map is named with the nearest, by the call and by the trait; rare ones that exist are taken."""
    with pytest.raises(ValueError, match='did you mean "magma"'):
        plots.spectrogram(cmap="magmaa")
    with pytest.raises(ValueError, match="no style called 'sketchy'"):
        plots.waveform(style="sketchy")
    plot = plots.spectrogram(cmap="coolwarm", style="ggplot")
    with pytest.raises(traitlets.TraitError, match='did you mean "plasma"'):
        plot.cmap = "plasmas"
    plots.close()
