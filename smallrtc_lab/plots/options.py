"""What can be asked of a plot, by kind, and the checks; light, so that a kernel can make traits of it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .option import Option

__all__ = ["KINDS", "MARK_AXES", "OPTIONS", "Mark", "Option", "checked", "checked_marks", "db_range"]


def _common(width: int = 640, height: int = 320) -> dict[str, Option]:
    return {
        "title": Option(None, "text", "What stands above the plot.", optional=True),
        "width": Option(width, "whole", "Width where the page leaves it open.", "CSS pixels", 160, 4096),
        "height": Option(height, "whole", "Height.", "CSS pixels", 80, 4096),
        "style": Option(
            None,
            "text",
            'Colours: "light", "dark", the name of a matplotlib style, or None for those of the page.',
            optional=True,
        ),
        "rate_hz": Option(30.0, "number", "How often it is drawn at most.", "pictures a second", 0.1, 60),
    }


def _seconds(default: float, low: float, high: float) -> Option:
    return Option(default, "number", "How much of the past is shown.", "s", low, high)


_CHANNEL = Option(
    None,
    "whole",
    "The channel that is shown, 0 is left; None takes the mean of all.",
    "",
    0,
    31,
    optional=True,
)
_NPERSEG = Option(1024, "whole", "Samples of one segment, as in scipy.signal.", "samples", 16, 32768)
_WINDOW = Option(
    "hann", "window", "The window each segment is multiplied with, as scipy.signal.get_window names it."
)
_OVERLAP = Option(
    0.5,
    "number",
    "Share of a segment that the next one repeats; noverlap is round(nperseg · overlap).",
    "",
    0,
    0.95,
)
_FMAX = Option(
    8000.0,
    "number",
    "The highest frequency shown; None: half the sample rate.",
    "Hz",
    20,
    192000,
    optional=True,
)
_RANGE = Option(
    (-100.0, 0.0),
    "decibels",
    "Lowest and highest level, (low, high), or how many dB below 0 it begins; a sine at full scale has 0 dB.",
    "dB",
    -240,
    240,
)
_CMAP = Option("magma", "text", "The name of a matplotlib colour map.")
_SOURCE = Option(
    "camera",
    "choice",
    "Which picture: what the page sends, or what is sent to it.",
    choices=("camera", "screen", "sent"),
)

OPTIONS: Mapping[str, Mapping[str, Option]] = {
    "waveform": {
        "seconds": _seconds(0.05, 0.001, 30),
        "ylim": Option(
            None,
            "range",
            "(low, high) of full scale ±1; None follows the sound.",
            "",
            -100,
            100,
            optional=True,
        ),
        "trigger": Option(
            True,
            "switch",
            "Whether 0.1 s or less begin where the sound rises through zero, so that a steady tone stands still.",
        ),
        "channel": _CHANNEL,
    }
    | _common(height=240),
    "spectrum": {
        "nperseg": replace(_NPERSEG, default=4096),
        "window": _WINDOW,
        "overlap": _OVERLAP,
        "averages": Option(
            4, "whole", "How many segments are averaged, as Welch does; the newest.", "", 1, 500
        ),
        "fmax_hz": _FMAX,
        "range_db": _RANGE,
        "channel": _CHANNEL,
    }
    | _common(),
    "spectrogram": {
        "seconds": _seconds(5.0, 0.1, 60),
        "nperseg": _NPERSEG,
        "window": _WINDOW,
        "overlap": _OVERLAP,
        "fmax_hz": _FMAX,
        "range_db": replace(_RANGE, default=(-100.0, -20.0)),
        "cmap": _CMAP,
        "channel": _CHANNEL,
    }
    | _common(),
    "level": {
        "seconds": _seconds(10.0, 0.5, 300),
        "range_db": replace(
            _RANGE,
            default=(-60.0, 0.0),
            help="Lowest and highest level, (low, high), or how many dB below 0 it begins; a full sine has −3 dB.",
        ),
    }
    | _common(height=200),
    "video": {
        "source": _SOURCE,
        "format": Option("rgb", "choice", "In colours, or its luma only.", choices=("rgb", "gray")),
        "cmap": replace(_CMAP, default="gray", help='The matplotlib colour map of format="gray".'),
        "axes": Option(False, "switch", "Whether there are axes that count pixels."),
    }
    | _common(480, 360),
    "histogram": {
        "source": _SOURCE,
        "bins": Option(64, "whole", "Bins of equal width from 0 to 256.", "", 2, 256),
        "log": Option(False, "switch", "Whether the counts have a logarithmic axis."),
    }
    | _common(),
    "stats": {
        "names": Option(
            ("fps", "delay_ms", "received_bps"),
            "names",
            "Fields of lab.stats_history(), one below the other; six at most.",
        ),
        "seconds": _seconds(60.0, 5, 600),
    }
    | _common(),
}
KINDS = tuple(OPTIONS)

# What a mark may say beside its label, by kind. y_hz is a frequency, also where that axis lies flat.
MARK_AXES: Mapping[str, tuple[str, ...]] = {
    "waveform": ("time_s", "y"),
    "spectrum": ("y_hz", "y_db"),
    "spectrogram": ("y_hz", "time_s"),
    "level": ("time_s", "y_db"),
    "video": (),
    "histogram": (),
    "stats": ("time_s",),
}


@dataclass(frozen=True)
class Mark:
    """A line across a plot at ``value`` of its ``axis`` (``time_s``: session seconds, ``y_hz``, ``y_db``, ``y``)."""

    axis: str
    value: float
    label: str = ""


def checked(kind: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """All options of a plot of this kind, those that are not given at their defaults; JSON's lists become tuples.

    Raises :class:`TypeError` for a keyword that does not exist and names the nearest one that does, and
    :class:`ValueError` or :class:`TypeError` for a value, in a sentence.
    """
    known = _known(kind, OPTIONS)
    _check_names(options, known, f"plot.{kind}()")
    found = {name: option.checked(name, options.get(name, option.default)) for name, option in known.items()}
    if len(found.get("names", ())) > 6:
        raise ValueError("names has six fields at most: more are not readable")
    return found


def checked_marks(kind: str, marks: Iterable[Mapping[str, Any]]) -> tuple[Mark, ...]:
    """Lines to draw, from dicts such as ``dict(y_hz=440, label="a")``; one with two positions is two lines.

    Raises :class:`TypeError` for a position this kind of plot has not, :class:`ValueError` for one that is not finite.
    """
    axes = _known(kind, MARK_AXES)
    found = []
    for mark in marks:
        positions = {name: value for name, value in mark.items() if name != "label" and value is not None}
        if not axes:
            raise TypeError(f"plot.{kind}() has no axis to mark")
        _check_names(positions, axes, f"mark() of plot.{kind}()")
        if not positions:
            raise TypeError(f"a mark of plot.{kind}() stands at {' or '.join(axes)}")
        label = str(mark.get("label") or "")
        anywhere = Option(0.0, "number", "")
        for n, (axis, value) in enumerate(positions.items()):
            found.append(Mark(axis, anywhere.checked(axis, value), label if n == 0 else ""))
    return tuple(found)


def db_range(value: float | tuple[float, float]) -> tuple[float, float]:
    """(low, high) in dB of an option of the form ``"decibels"``."""
    return value if isinstance(value, tuple) else (-value, 0.0)


def _known(kind: str, table: Mapping[str, Any]) -> Any:
    if kind not in table:
        near = difflib.get_close_matches(str(kind), list(table), n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(table)}"
        raise ValueError(f"there is no plot called {kind!r}; {hint}")
    return table[kind]


def _check_names(given: Iterable[str], known: Iterable[str], where: str) -> None:
    names = list(known)
    for name in given:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(names)}"
            raise TypeError(f"{where} has no keyword {name!r}; {hint}")
