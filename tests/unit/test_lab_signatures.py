"""What a person's function is called, and whether it can be called."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from smallrtc_lab.lab.signatures import identity, name_of, require_callable_with


def effect(frame: Any, k: int = 1) -> Any:
    return frame, k


class Tracker:
    def __call__(self, frame: Any) -> None: ...

    def follow(self, frame: Any, *, strength: float) -> None: ...


def test_everything_callable_has_a_name() -> None:
    """Functions, methods, objects, partial ones and NumPy's."""
    functions: list[Callable[..., Any]] = [
        effect, functools.partial(functools.partial(effect), k=3), Tracker(), Tracker().follow, np.add,
    ]  # fmt: skip
    assert [name_of(one) for one in functions] == ["effect", "effect", "Tracker", "follow", "add"]


def test_lambdas_are_known_by_their_place() -> None:
    """Two of different lines live side by side, the same line again is the same one."""
    first = lambda frame: 1  # noqa: E731
    second = lambda frame: 2  # noqa: E731
    again = [eval(compile("lambda frame: 3", "cell", "eval")) for _ in range(2)]
    assert identity(first) != identity(second)
    assert identity(again[0]) == identity(again[1])
    assert identity(effect) == "effect"


def test_what_can_be_called_passes() -> None:
    """With its controls by name, with defaults, with any keywords, and what does not tell."""
    require_callable_with(effect, {"k": 1})
    require_callable_with(effect, {})
    require_callable_with(Tracker().follow, {"strength": 0.5})
    require_callable_with(lambda frame, **controls: None, {"anything": 1})
    require_callable_with(print, {})
    require_callable_with(dict.update, {})


@pytest.mark.parametrize(
    ("function", "controls", "words"),
    [
        (effect, {"kk": 1}, r"effect\(\).*has no keyword 'kk'; did you mean 'k'\?"),
        (Tracker().follow, {}, "missing a required .*'strength'"),
        (Tracker(), {"k": 1}, "has no keyword 'k'; it takes none"),
        (lambda: None, {}, "too many positional arguments"),
        (lambda frame, k: None, {}, "missing a required argument: 'k'"),
    ],
)
def test_what_cannot_be_called_is_said_at_once(
    function: Callable[..., Any], controls: dict[str, Any], words: str
) -> None:
    """At the registration, and not once a frame."""
    with pytest.raises(TypeError, match=words):
        require_callable_with(function, controls)
