"""One option of a plot: what it may be, and the sentence when it is something else."""

from __future__ import annotations

import difflib
import math
import operator
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from .windows import WINDOWS, checked_window

__all__ = ["Form", "Option"]

Form: TypeAlias = Literal[
    "number", "whole", "text", "choice", "switch", "range", "decibels", "names", "window"
]


@dataclass(frozen=True)
class Option:
    """One option of a plot: its default, what it may be, its unit, and a sentence on it.

    ``form`` says what it is: ``"number"`` and ``"whole"`` lie from ``low`` to ``high``; ``"choice"`` is one of
    ``choices``; ``"range"`` is (low, high); ``"decibels"`` is that or the one number n, which means (−n, 0);
    ``"names"`` is a list of words; ``"window"`` is a name or (name, parameter). With ``optional`` it may be None.
    """

    default: Any
    form: Form
    help: str
    unit: str = ""
    low: float = -math.inf
    high: float = math.inf
    choices: tuple[str, ...] = ()
    optional: bool = False

    def checked(self, name: str, value: Any) -> Any:
        """The value as this option keeps it: int, float, str, bool, a tuple, or None.

        Raises :class:`ValueError` (:class:`TypeError` for another kind of thing) with a sentence on what it may be.
        """
        if value is None and self.optional:
            return None
        return _CHECKS[self.form](self, name, value)


def _number(option: Option, name: str, value: Any) -> float:
    if isinstance(value, bool | str) or not hasattr(value, "__float__"):
        raise TypeError(f"{name} is {_span(option)}, not {value!r}")
    number = float(value)
    if not (math.isfinite(number) and option.low <= number <= option.high):
        raise ValueError(f"{name} is {_span(option)}, not {value!r}")
    return number


def _whole(option: Option, name: str, value: Any) -> int:
    sentence = (
        f"{name} is a whole number from {option.low:g} to {option.high:g}{_unit(option)}, not {value!r}"
    )
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # a slider's
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(sentence) from None
    if isinstance(value, bool) or not option.low <= number <= option.high:
        raise ValueError(sentence)
    return number


def _text(option: Option, name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{name} is a text, not {value!r}")
    return value


def _choice(option: Option, name: str, value: Any) -> str:
    if value not in option.choices:
        near = difflib.get_close_matches(str(value), option.choices, n=1)
        hint = f'; did you mean "{near[0]}"?' if near else ""
        listed = ", ".join(f'"{each}"' for each in option.choices)
        raise ValueError(f"{name} is one of {listed}, not {value!r}{hint}")
    return str(value)


def _switch(option: Option, name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{name} is True or False, not {value!r}")
    return value


def _range(option: Option, name: str, value: Any) -> tuple[float, float]:
    sentence = f"{name} is (low, high){_unit(option)}, low before high, not {value!r}"
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise TypeError(sentence)
    ends = [_number(option, name, end) for end in value]
    if len(ends) != 2 or not ends[0] < ends[1]:
        raise ValueError(sentence)
    return ends[0], ends[1]


def _decibels(option: Option, name: str, value: Any) -> float | tuple[float, float]:
    if isinstance(value, Iterable):
        return _range(option, name, value)
    number = _number(option, name, value)
    if number <= 0:
        raise ValueError(f"{name} is (low, high) in dB, or how many dB below 0 it begins, not {value!r}")
    return number


def _names(option: Option, name: str, value: Any) -> tuple[str, ...]:
    given = [value] if isinstance(value, str) else value
    found = tuple(given) if isinstance(given, Iterable) else ()
    if not all(isinstance(each, str) for each in found):
        raise TypeError(f"{name} is a list of names, not {value!r}")
    if not found:
        raise ValueError(f"{name} names at least one field")
    return found


def _window(option: Option, name: str, value: Any) -> str | tuple[str, float]:
    if not isinstance(value, str | tuple | list):
        raise TypeError(f"{name} is the name of a window ({', '.join(WINDOWS)}), not {value!r}")
    return checked_window(value)


def _span(option: Option) -> str:
    if math.isinf(option.low) and math.isinf(option.high):
        return "a number"
    return f"a number from {option.low:g} to {option.high:g}{_unit(option)}"


def _unit(option: Option) -> str:
    return f" {option.unit}" if option.unit else ""


_CHECKS = {
    "number": _number,
    "whole": _whole,
    "text": _text,
    "choice": _choice,
    "switch": _switch,
    "range": _range,
    "decibels": _decibels,
    "names": _names,
    "window": _window,
}
