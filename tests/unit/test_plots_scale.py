"""An axis that follows what it shows."""

from __future__ import annotations

import pytest

from smallrtc_lab.plots.scale import Scale, nice_above


@pytest.mark.parametrize(
    ("value", "nice"),
    [(1, 1), (1.01, 2), (3, 5), (5.1, 10), (0.013, 0.02), (0.1, 0.1), (0.3, 0.5), (49000, 50000)],
)
def test_round_numbers(value: float, nice: float) -> None:
    """The end of an axis is the next 1, 2 or 5 of its power of ten."""
    assert nice_above(value) == pytest.approx(nice)


def test_it_grows_at_once_and_shrinks_after_a_while() -> None:
    """A peak is shown whole in its own picture; the axis shrinks when two seconds were quieter, to what they needed."""
    scale = Scale(0.01)
    scale.follow(0.9, 0.0)
    assert scale.value == 1
    for time_s in (0.5, 1.0, 1.9):
        scale.follow(0.04, time_s)
        assert scale.value == 1
    scale.follow(0.15, 1.95)
    scale.follow(0.04, 2.1)
    assert scale.value == pytest.approx(0.2)
    scale.follow(0.04, 4.2)
    assert scale.value == pytest.approx(0.05)


def test_nothing_is_the_least() -> None:
    """Silence and what is missing keep the axis at its least; a time that goes back begins anew."""
    scale = Scale(0.01)
    scale.follow(float("nan"), 10.0)
    scale.follow(0.0, 10.1)
    assert scale.value == 0.01
    scale.follow(1.0, 11.0)
    scale.follow(0.1, 5.0)
    assert scale.value == pytest.approx(0.1)
