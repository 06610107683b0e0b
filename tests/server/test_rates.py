"""The bucket that says how often somebody may do something."""

from __future__ import annotations

import pytest

from smallrtc_lab.server.rates import TokenBucket


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_takes_a_burst_and_then_the_rate() -> None:
    """After the burst is used up, one more use comes back every 1/rate seconds, and never more than the burst."""
    clock = Clock()
    bucket = TokenBucket(2.0, 3, clock=clock)
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]
    clock.now_s += 0.5
    assert [bucket.take() for _ in range(2)] == [True, False]
    clock.now_s += 1000
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]


def test_borrowing_says_how_long_to_wait() -> None:
    """Who borrows beyond the burst is told to wait so long that the rate is kept."""
    clock = Clock()
    bucket = TokenBucket(10.0, 1, clock=clock)
    assert bucket.borrow() == 0
    assert bucket.borrow() == pytest.approx(0.1)
    assert bucket.borrow() == pytest.approx(0.2)
    clock.now_s += 0.5
    assert bucket.borrow() == 0
