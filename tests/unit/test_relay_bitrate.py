"""The bitrate of relayed pictures: what was asked for, what is allowed, and what the path says."""

from __future__ import annotations

import pytest

from smallrtc_lab.relay.bitrate import LEAST_BPS, MOST_BPS, START_BPS, BitrateControl
from smallrtc_lab.relay.window import Acknowledged


class Reports:
    """What a page acknowledges, a report each 50 ms."""

    def __init__(self) -> None:
        self.control = BitrateControl()
        self._now_s = 0.0

    def come(self, seconds: float, through_bps: float, queued_s: float) -> None:
        """For so long, from a path that carries so much and has such a queue."""
        for _ in range(round(seconds / 0.05)):
            self._now_s += 0.05
            told = Acknowledged(0.1 + queued_s, queued_s, round(through_bps * 0.05 / 8))
            self.control.acknowledged(told, self._now_s)


@pytest.mark.parametrize(
    ("wanted", "limit", "target"),
    [
        (None, None, START_BPS),
        (400_000, None, 400_000),
        (5_000_000, None, 2_500_000),
        (5_000_000, 2_000_000, 1_000_000),
        (None, 100_000, 100_000),
        (30_000, None, 30_000),
    ],
)
def test_what_is_asked_for_and_what_is_allowed(wanted: int | None, limit: int | None, target: int) -> None:
    """Quality raises the beginning, too, for to climb takes long; a limit holds for both."""
    control = BitrateControl()
    control.use(wanted, limit)
    assert control.target_bps == target


def test_more_than_the_usual_is_reached_only_when_it_is_asked_for() -> None:
    """On a path without a queue."""
    for wanted, most in ((None, MOST_BPS), (5_000_000, 5_000_000)):
        reports = Reports()
        reports.control.use(wanted)
        for _ in range(120):
            reports.come(0.5, reports.control.target_bps, 0.0)
        assert reports.control.target_bps == most


def test_a_path_that_said_no_is_not_asked_for_more_at_once() -> None:
    """A new wish raises what may be, and not what is."""
    reports = Reports()
    reports.come(2.0, 300_000, 0.3)
    fallen_bps = reports.control.target_bps
    assert LEAST_BPS <= fallen_bps < 300_000
    reports.control.use(5_000_000)
    assert reports.control.target_bps == fallen_bps


def test_a_path_that_carries_nothing_leads_to_the_least() -> None:
    """Never to nothing; and below that only where no more is allowed."""
    for limit_bps, least_bps in ((None, LEAST_BPS), (50_000, 50_000)):
        reports = Reports()
        reports.control.use(None, limit_bps)
        reports.come(20.0, 1000, 0.9)
        assert reports.control.target_bps == least_bps


def test_saying_the_same_again_changes_nothing() -> None:
    """The engine says it twice a second."""
    reports = Reports()
    reports.control.use(2_000_000)
    reports.come(30.0, 2_000_000, 0.0)
    assert reports.control.target_bps == 2_000_000
    reports.control.use(2_000_000)
    assert reports.control.target_bps == 2_000_000
