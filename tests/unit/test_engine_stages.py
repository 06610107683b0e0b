"""How long each stage takes, over the last items."""

from __future__ import annotations

import pytest

from smallrtc_lab.engine.stages import Delivered, Spread, Stages, median


def test_a_spread_is_that_of_the_last_values() -> None:
    """Median and p95 in milliseconds; old values make way, and there are none before the first."""
    spread = Spread()
    assert spread.summary() is None
    for _ in range(50):
        spread.add(9.0)
    for number in range(300):
        spread.add(number / 1000)
    assert spread.summary() == {"median_ms": 149.5, "p95_ms": pytest.approx(284.05)}


def test_values_are_fresh_once() -> None:
    """What a row of the history took is not in the next."""
    spread = Spread()
    spread.add(0.002)
    assert spread.take() == [2.0]
    assert spread.take() == []
    assert spread.summary() == {"median_ms": 2.0, "p95_ms": 2.0}


def test_the_stages_of_an_item_add_up() -> None:
    """Ready at 10.00 s and 30 ms old then, begun 5 ms later, run for 2 ms: 35 ms from capture to the function."""
    stages = Stages()
    stages.finished(Delivered(10.001, 10.0, 0.03), 10.005, 0.002)
    summary = {name: one and one["median_ms"] for name, one in stages.summary().items()}
    assert summary == {"hand_over": 5.0, "delay": 35.0, "run": 2.0}


def test_the_median_of_nothing_is_none() -> None:
    """So that a figure that is not known stays unknown."""
    assert median([]) is None
    assert median([3.0, 1.0, 2.0]) == 2.0
