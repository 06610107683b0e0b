"""What is shed to hold a delay, in virtual time."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from smallrtc_lab.engine.budget import LEVELS, LONGEST_REST_S, REST_S, Budget, Measurement


class Run:
    """A budget fed twice a second with what a law of the level gives."""

    def __init__(self, limit_s: float | None = 0.3) -> None:
        self.budget = Budget(limit_s)
        self.now_s = 100.0
        self.levels = [0]
        self.changed_s: list[float] = []

    def feed(self, seconds: float, delay_s: Callable[[int], float | None], cpu: float | None = None) -> None:
        """For so many seconds; ``delay_s`` gets the level."""
        for _ in range(round(seconds * 2)):
            self.now_s += 0.5
            if self.budget.measure(Measurement(delay_s(self.levels[-1]), cpu), self.now_s):
                self.levels.append(LEVELS.index(self.budget.level))
                self.changed_s.append(self.now_s)


def test_without_a_limit_nothing_is_shed() -> None:
    """However late everything is; and nothing is told."""
    run = Run(None)
    run.feed(60, lambda level: 5.0)
    assert run.levels == [0]
    assert run.budget.describe() is None
    assert run.budget.says() == ""


def test_plots_go_first_then_size_then_rate_and_no_further() -> None:
    """Each step sheds more than the one before, in the order of what is missed least."""
    for before, after in itertools.pairwise(LEVELS):
        assert after.plot_rate_factor <= before.plot_rate_factor
        assert after.scale <= before.scale
        assert after.rate_factor <= before.rate_factor
        if after.scale < 1:
            assert after.plot_rate_factor == 0.25
        if after.rate_factor < 1:
            assert after.scale == 0.5
    run = Run()
    run.feed(60, lambda level: 0.8)
    assert run.levels == list(range(len(LEVELS)))
    assert run.budget.max_frame_rate == 10
    assert run.budget.says() == (
        "Showing 10 pictures/s at 50% of their size, plots at 25% of their rate, to hold 0.3 s."
    )


def test_a_single_late_moment_changes_nothing() -> None:
    """The limit must be missed for a second, and the effect of a step is awaited before the next."""
    run = Run()
    run.feed(0.5, lambda level: 2.0)
    run.feed(5, lambda level: 0.1)
    assert run.levels == [0]
    run.feed(10, lambda level: 2.0)
    steps_s = [b - a for a, b in zip(run.changed_s, run.changed_s[1:], strict=False)]
    assert min(steps_s) >= 2.0


def test_it_stops_where_the_limit_is_held() -> None:
    """Between the limit and well below it nothing moves."""
    run = Run()
    run.feed(120, lambda level: 0.5 if level < 3 else 0.25)
    assert run.levels == [0, 1, 2, 3]
    assert run.budget.describe() == {
        "limit_s": 0.3,
        "delay_s": 0.25,
        "level": 3,
        "plot_rate_factor": 0.25,
        "scale": 0.75,
        "rate_factor": 1.0,
        "max_frame_rate": None,
        "says": "Showing pictures at 75% of their size, plots at 25% of their rate, to hold 0.3 s.",
    }


def test_it_recovers_slowly_and_all_the_way() -> None:
    """After the trouble one step at a time comes back, each after a rest."""
    run = Run()
    run.feed(8, lambda level: 1.0)
    highest = run.levels[-1]
    assert highest >= 3
    run.feed((highest + 1) * (REST_S + 1), lambda level: 0.05)
    assert run.levels[-highest - 1 :] == list(range(highest, -1, -1))
    steps_s = [b - a for a, b in zip(run.changed_s[-highest:], run.changed_s[-highest + 1 :], strict=False)]
    assert min(steps_s) >= REST_S


def test_what_brings_the_trouble_back_is_tried_more_and_more_rarely() -> None:
    """A load that only fits one level below makes no swing of a few seconds."""
    run = Run()
    run.feed(900, lambda level: 0.5 if level < 2 else 0.05)
    eased_s = [at_s for at_s, level in zip(run.changed_s, run.levels[1:], strict=True) if level == 1][1:]
    rests_s = [b - a for a, b in itertools.pairwise(eased_s)]
    assert rests_s == sorted(rests_s)
    assert rests_s[-1] >= LONGEST_REST_S
    assert len(eased_s) < 12


def test_unknown_is_neither_good_nor_bad() -> None:
    """While nothing comes, nothing changes."""
    run = Run()
    run.feed(8, lambda level: 1.0)
    level = run.levels[-1]
    run.feed(100, lambda level: None)
    assert run.levels[-1] == level


def test_processors_that_are_full_count_as_a_missed_delay() -> None:
    """Before the delay grows: a container's quota is used up."""
    run = Run()
    run.feed(10, lambda level: 0.05, cpu=0.99)
    assert run.levels[-1] > 1
    run.feed(REST_S * 12, lambda level: 0.05, cpu=0.3)
    assert run.levels[-1] == 0
