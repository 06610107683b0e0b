"""Sliders and choices of a callback: ``controls=dict(k=(1, 51, 2), mode=["blur", "edges"])``.

The short forms are those of ipywidgets' ``interact``. Their values live in the page and travel over the session
socket, so that they move also while a cell is busy. A choice of what JSON cannot hold travels as its label.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import numpy as np

from .signatures import name_of

__all__ = ["Controls"]

_PLAIN = (str, int, float, bool)


class Controls:
    """The controls of one callback and their values now. Thread-safe: a snapshot is consistent.

    ``defaults`` are those of the function's own parameters: a control begins there, where it has that value, as in
    ``interact``.
    """

    def __init__(
        self, specification: Mapping[str, Any] | None, defaults: Mapping[str, Any] | None = None
    ) -> None:
        self._choices = {name: _choices(short) for name, short in (specification or {}).items()}
        self.widgets = {
            name: _widget(name, short, list(self._choices[name]))
            for name, short in (specification or {}).items()
        }
        self._lock = threading.Lock()
        self._values = {name: self._meant(name, widget["value"]) for name, widget in self.widgets.items()}
        for name, value in (defaults or {}).items():
            if name in self.widgets and not isinstance((specification or {})[name], _PLAIN):
                self._begin_at(name, _plain(value))

    def snapshot(self) -> dict[str, Any]:
        """All values of one moment, as keyword arguments for the function."""
        with self._lock:
            return dict(self._values)

    def set(self, name: str, value: Any) -> None:
        """The page moved a control; what it cannot have sent is ignored."""
        widget = self.widgets.get(name)
        if widget is None or not _fits(widget, value):
            return
        if widget["type"] == "range" and isinstance(widget["value"], int):
            value = round(value)
        with self._lock:
            widget["value"] = value
            self._values[name] = self._meant(name, value)

    def _begin_at(self, name: str, value: Any) -> None:
        labels = [
            label for label, meant in self._choices[name].items() if meant is value or _same(meant, value)
        ]
        self.set(name, labels[0] if labels else value)

    def _meant(self, name: str, value: Any) -> Any:
        return self._choices[name].get(value, value)


def _choices(short: Any) -> dict[Any, Any]:
    """Label → value of a choice as ``interact`` takes it: a dict, a list of values or of (label, value)."""
    if isinstance(short, Mapping):
        return {str(label): value for label, value in short.items()}
    if not isinstance(short, list):
        return {}
    if all(isinstance(one, tuple) and len(one) == 2 and isinstance(one[0], str) for one in short):
        return dict(short)
    return {_label(one): one for one in map(_plain, short)}


def _label(value: Any) -> Any:
    if isinstance(value, _PLAIN):
        return value
    return name_of(value) if callable(value) else str(value)


def _same(meant: Any, value: Any) -> bool:
    return type(meant) is type(value) and isinstance(value, _PLAIN) and bool(meant == value)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _widget(name: str, short: Any, labels: list[Any]) -> dict[str, Any]:
    short = tuple(map(_plain, short)) if isinstance(short, tuple) else _plain(short)
    if isinstance(short, bool):
        return {"type": "bool", "value": short}
    if isinstance(short, (list, Mapping)):
        if not labels:
            raise ValueError(f"control {name!r} has no options to choose from")
        return {"type": "choice", "options": labels, "value": labels[0]}
    if isinstance(short, (int, float)):
        low, high = sorted((-short, 3 * short)) if short else (0, 1)
        return _range(low, high, None, short)
    if isinstance(short, tuple) and len(short) in (2, 3) and all(isinstance(n, (int, float)) for n in short):
        low, high, *step = short
        if not low < high or (step and step[0] <= 0):
            raise ValueError(
                f"control {name!r} is (low, high) or (low, high, step) with low < high, not {short!r}"
            )
        return _range(low, high, step[0] if step else None, None)
    raise ValueError(
        f"control {name!r} is (low, high), (low, high, step), a list of choices, a number or a bool, not {short!r}"
    )


def _range(low: float, high: float, step: float | None, value: float | None) -> dict[str, Any]:
    whole = all(isinstance(n, int) for n in (low, high, 1 if step is None else step, value or 0))
    step = step if step is not None else (1 if whole else (high - low) / 100)
    if value is None:
        value = low + step * int((high - low) / 2 / step)
    return {"type": "range", "min": low, "max": high, "step": step, "value": value}


def _fits(widget: dict[str, Any], value: Any) -> bool:
    if widget["type"] == "bool":
        return isinstance(value, bool)
    if widget["type"] == "choice":
        return value in widget["options"]
    numeric = isinstance(value, (int, float)) and not isinstance(value, bool)
    return numeric and widget["min"] <= value <= widget["max"]
