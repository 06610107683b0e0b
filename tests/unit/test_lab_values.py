"""lab.values: shown live, cheap, from any thread."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
import pytest

from smallrtc_lab.lab.values import Values


class Access:
    """Keeps what the page is told."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []

    def submit(self, method: str, *, values: dict[str, Any]) -> None:
        assert method == "values"
        self.told.append(values)


@pytest.fixture
def access() -> Access:
    """Nobody has been told anything."""
    return Access()


@pytest.fixture
def values(access: Access) -> Values:
    """No values yet."""
    return Values(access)  # type: ignore[arg-type]


def test_it_is_a_dict(values: Values) -> None:
    """Setting, reading, deleting and counting are those of a dict."""
    values["a"] = 1
    values.update(b="text", c=None)
    assert (dict(values), len(values), "a" in values, values["b"]) == (
        {"a": 1, "b": "text", "c": None},
        3,
        True,
        "text",
    )
    del values["a"]
    with pytest.raises(KeyError):
        values["a"]
    assert repr(values) == "Values({'b': 'text', 'c': None})"
    values.close()


def test_the_page_is_told_the_first_at_once_and_the_last_soon(values: Values, access: Access) -> None:
    """A thousand changes in a row are a few messages, and the newest values are the last of them."""
    for n in range(1000):
        values["n"] = n
    assert access.told[0] == {"n": 0}
    deadline_s = time.monotonic() + 30
    while access.told[-1] != {"n": 999}:
        assert time.monotonic() < deadline_s
        time.sleep(0.01)
    assert len(access.told) <= 20


def test_closing_leaves_no_timer(values: Values) -> None:
    """Nothing is told after close."""
    before = threading.active_count()
    values["a"], values["b"] = 1, 2
    values.close()
    deadline_s = time.monotonic() + 30
    while threading.active_count() > before:
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.str_("x"), "x"),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        ("x" * 2000, "x" * 1000),
        (None, None),
    ],
)
def test_what_json_can_hold_is_kept(values: Values, given: Any, kept: Any) -> None:
    """NumPy's scalars become Python's; what JSON has no number for becomes text."""
    values["a"] = given
    assert values["a"] == kept
    assert type(values["a"]) is type(kept)


@pytest.mark.parametrize("value", [[1], {"a": 1}, np.zeros(2), object(), 1j])
def test_anything_else_is_refused(values: Values, value: Any) -> None:
    """The error says what may be shown."""
    with pytest.raises(TypeError, match="number, text or bool"):
        values["a"] = value
    with pytest.raises(TypeError, match="a name"):
        values[1] = 1  # type: ignore[index]
    assert dict(values) == {}


def test_there_is_a_bound(values: Values) -> None:
    """Names beyond the bound are refused, known ones still change."""
    for n in range(64):
        values[str(n)] = n
    with pytest.raises(ValueError, match="at most 64"):
        values["more"] = 1
    values["0"] = 5
    assert values["0"] == 5
    values.close()
