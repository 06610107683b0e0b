"""Of functions that share a thread, the one that runs is to blame, and only since it runs."""

from __future__ import annotations

import time

import pytest

from smallrtc_lab.engine.stuck import running_s
from smallrtc_lab.engine.subscriptions import Subscription


def subscription(number: int, worker: str | None) -> Subscription:
    """What a function of a worker subscribed to, or a loop of a cell."""
    made = Subscription(number, 4, f"function {number}")
    made.worker = worker
    return made


def test_nothing_delivered_is_nothing_that_runs() -> None:
    """Also after everything was answered."""
    one = subscription(1, "observers")
    assert running_s([one]) == {}
    one._delivering()
    one.done()
    assert running_s([one]) == {}


def test_the_first_in_the_order_of_delivery_runs_and_the_others_wait() -> None:
    """One a worker at most; what a cell reads belongs to no worker."""
    one, two, other, cell = (
        subscription(1, "observers"),
        subscription(2, "observers"),
        subscription(3, "processor"),
        subscription(4, None),
    )
    for each in (cell, two, one, other, two):
        each._delivering()
        time.sleep(0.002)
    assert sorted(running_s([one, two, other, cell])) == [2, 3]
    two.done()
    assert sorted(running_s([one, two, other, cell])) == [1, 3]
    one.done()
    assert sorted(running_s([one, two, other, cell])) == [2, 3]  # its second item


def test_what_waited_behind_another_runs_since_the_others_answer() -> None:
    """A function is not blamed for the time of the one before it, nor a slow one for its own queue."""
    slow, quick = subscription(1, "observers"), subscription(2, "observers")
    for each in (slow, quick, slow):
        each._delivering()
    time.sleep(0.3)
    assert running_s([slow, quick])[1] >= 0.3
    slow.done()
    before_s = time.monotonic()
    (found,) = running_s([slow, quick]).items()
    assert found == (2, pytest.approx(0, abs=0.25 + time.monotonic() - before_s))
    quick.done()
    assert running_s([slow, quick])[1] < 0.25 + time.monotonic() - before_s
