"""Sliders and choices in ipywidgets' short forms."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from smallrtc_lab.lab.controls import Controls


@pytest.mark.parametrize(
    ("short", "widget"),
    [
        ((1, 51, 2), {"type": "range", "min": 1, "max": 51, "step": 2, "value": 25}),
        ((0, 10), {"type": "range", "min": 0, "max": 10, "step": 1, "value": 5}),
        ((0.0, 1.0), {"type": "range", "min": 0.0, "max": 1.0, "step": 0.01, "value": 0.5}),
        ((0, 1, 0.25), {"type": "range", "min": 0, "max": 1, "step": 0.25, "value": 0.5}),
        ((-3, 3), {"type": "range", "min": -3, "max": 3, "step": 1, "value": 0}),
        (10, {"type": "range", "min": -10, "max": 30, "step": 1, "value": 10}),
        (-5, {"type": "range", "min": -15, "max": 5, "step": 1, "value": -5}),
        (0, {"type": "range", "min": 0, "max": 1, "step": 1, "value": 0}),
        (0.5, {"type": "range", "min": -0.5, "max": 1.5, "step": 0.02, "value": 0.5}),
        ((np.int64(1), np.int32(9)), {"type": "range", "min": 1, "max": 9, "step": 1, "value": 5}),
        (True, {"type": "bool", "value": True}),
        (["blur", "edges"], {"type": "choice", "options": ["blur", "edges"], "value": "blur"}),
        ([1, 2, 4], {"type": "choice", "options": [1, 2, 4], "value": 1}),
    ],
)
def test_short_forms(short: Any, widget: dict[str, Any]) -> None:
    """Each short form is a widget with its first value."""
    controls = Controls({"k": short})
    assert controls.widgets == {"k": widget}
    assert controls.snapshot() == {"k": widget["value"]}


@pytest.mark.parametrize(
    "short", [(2, 1), (1, 1), (1, 5, 0), (1, 5, -1), (1,), (1, 2, 3, 4), [], "text", None, ("a", "b")]
)
def test_what_is_no_control_is_refused(short: Any) -> None:
    """The error names the control."""
    with pytest.raises(ValueError, match="'k'"):
        Controls({"k": short})


@pytest.mark.parametrize(
    ("short", "labels", "values"),
    [
        ({"little": 3, "much": 31}, ["little", "much"], [3, 31]),
        ([("little", 3), ("much", 31)], ["little", "much"], [3, 31]),
        ([np.add, np.maximum], ["add", "maximum"], [np.add, np.maximum]),
        ([np.int64(4), np.int64(8)], [4, 8], [4, 8]),
        ([(3, 3), None], ["(3, 3)", "None"], [(3, 3), None]),
    ],
)
def test_a_choice_has_labels_for_the_page_and_values_for_the_function(
    short: Any, labels: list[Any], values: list[Any]
) -> None:
    """As in `interact`: a dict, pairs, or values, which need not be such that they can travel."""
    controls = Controls({"k": short})
    assert json.loads(json.dumps(controls.widgets)) == {
        "k": {"type": "choice", "options": labels, "value": labels[0]}
    }
    for label, value in zip(labels, values, strict=True):
        controls.set("k", label)
        assert controls.snapshot() == {"k": value}


def test_none_are_none() -> None:
    """Without controls a function gets no keywords."""
    assert Controls(None).snapshot() == {}


def test_the_page_moves_them_within_their_bounds() -> None:
    """Values of a page are taken where they fit, and ignored where they cannot be."""
    controls = Controls({"k": (1, 51, 2), "x": (0.0, 1.0), "mode": ["a", "b"], "on": False})
    for name, value in (("k", 31), ("x", 0.25), ("mode", "b"), ("on", True)):
        controls.set(name, value)
    wanted = {"k": 31, "x": 0.25, "mode": "b", "on": True}
    assert controls.snapshot() == wanted
    junk: list[tuple[str, Any]] = [
        ("k", 52), ("k", "31"), ("k", True), ("k", None), ("x", -0.1), ("x", float("nan")),
        ("mode", "c"), ("mode", None), ("on", 1), ("on", "yes"), ("other", 1),
    ]  # fmt: skip
    for name, value in junk:
        controls.set(name, value)
    assert controls.snapshot() == wanted
    assert controls.widgets["k"]["value"] == 31  # a page that comes later sees where it stands


def test_whole_sliders_stay_whole() -> None:
    """JavaScript knows no int: 31.0 is 31 for the function."""
    controls = Controls({"k": (1, 51, 2)})
    controls.set("k", 31.0)
    assert controls.snapshot() == {"k": 31}
    assert isinstance(controls.snapshot()["k"], int)


def test_a_snapshot_is_private() -> None:
    """Changing one changes nothing."""
    controls = Controls({"k": 1})
    controls.snapshot()["k"] = 9
    assert controls.snapshot() == {"k": 1}


def test_a_control_begins_at_the_default_of_its_parameter() -> None:
    """As in interact: where the control has that value, and where it was given as a range or as choices."""
    specification = {
        "k": (1, 51, 2),
        "mode": ["blur", "edges"],
        "size": {"small": 1, "large": 9},
        "on": True,
        "n": 3,
    }
    defaults = {"k": 7, "mode": "edges", "size": 9, "on": False, "n": 5, "other": 1}
    controls = Controls(specification, defaults)
    assert controls.snapshot() == {"k": 7, "mode": "edges", "size": 9, "on": True, "n": 3}
    assert controls.widgets["size"]["value"] == "large"
    assert Controls({"k": (1, 51), "mode": ["a"]}, {"k": 99, "mode": "b"}).snapshot() == {
        "k": 26,
        "mode": "a",
    }
