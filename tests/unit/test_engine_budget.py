"""What is shed to hold a delay, in virtual time."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from smallrtc_lab.engine.budget import (
    FULL_PATIENCE_S,
    LEVELS,
    LONGEST_REST_S,
    PICTURES_PATIENCE_S,
    REST_S,
    Budget,
    Measurement,
)
from smallrtc_lab.engine.strain import Strain

ROOM = Strain(allowed=2.0, used=0.4, late_s=0.001)
FULL_ALONE = Strain(allowed=1.0, used=1.0, late_s=0.001)  # a cell in a loop on one processor
SUFFERING = Strain(allowed=1.0, used=1.0, late_s=0.2)


class Run:
    """A budget fed twice a second with what a law of the level gives."""

    def __init__(self, limit_s: float | None = 0.3) -> None:
        self.budget = Budget(limit_s)
        self.now_s = 100.0
        self.levels = [0]
        self.changed_s: list[float] = []

    def feed(
        self,
        seconds: float,
        delay_s: Callable[[int], float | None] = lambda level: None,
        strain: Callable[[int], Strain | None] = lambda level: None,
    ) -> None:
        """For so many seconds; both get the level."""
        for _ in range(round(seconds * 2)):
            self.now_s += 0.5
            level = self.levels[-1]
            if self.budget.measure(Measurement(delay_s(level), strain(level)), self.now_s):
                self.levels.append(LEVELS.index(self.budget.level))
                self.changed_s.append(self.now_s)


def test_without_a_limit_no_delay_sheds_anything() -> None:
    """However late everything is; and nothing is told."""
    run = Run(None)
    run.feed(60, lambda level: 5.0, lambda level: ROOM)
    assert run.levels == [0]
    assert run.budget.describe()["limit_s"] is None
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
    run.feed(120, lambda level: 0.5 if level < 3 else 0.25, lambda level: ROOM)
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
        "processors": 2.0,
        "processors_used": 0.4,
        "throttled": 0.0,
        "late_ms": 1.0,
        "skipped": 0.0,
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
    run.feed(100)
    run.feed(100, strain=lambda level: ROOM)
    assert run.levels[-1] == level


@pytest.mark.parametrize("strain", [FULL_ALONE, ROOM._replace(late_s=2.0), ROOM._replace(skipped=0.9)])
def test_neither_full_processors_nor_suffering_media_shed_anything_alone(strain: Strain) -> None:
    """A cell that computes fills them and disturbs nobody; what suffers while there are more suffers elsewhere."""
    run = Run(None)
    run.feed(600, strain=lambda level: strain)
    assert run.levels == [0]


def test_full_processors_that_media_suffer_from_shed_work() -> None:
    """After five seconds, with the reason in words; and it stops where media no longer suffer."""
    run = Run(None)
    run.feed(60, strain=lambda level: SUFFERING if level < 3 else FULL_ALONE)
    assert run.levels[:4] == [0, 1, 2, 3]
    assert run.changed_s[0] - 100.0 >= FULL_PATIENCE_S
    run = Run(None)
    run.feed(7, strain=lambda level: SUFFERING)
    assert run.budget.says() == "Drawing plots at 50% of their rate, because the one processor here is full."


def test_a_short_strain_changes_nothing() -> None:
    """An import, a garbage collection, the start of another kernel."""
    run = Run(None)
    for _ in range(20):
        run.feed(3.0, strain=lambda level: SUFFERING)
        run.feed(4.0, strain=lambda level: FULL_ALONE)
    assert run.levels == [0]


def test_strain_that_comes_and_goes_is_strain() -> None:
    """Starved media suffer now more and now less: every other look alone would never shed anything."""
    run = Run(None)
    for _ in range(10):
        run.feed(0.5, strain=lambda level: SUFFERING)
        run.feed(0.5, strain=lambda level: FULL_ALONE)
    assert len(run.levels) > 1


def test_it_comes_back_while_a_cell_still_fills_the_processors() -> None:
    """For they are nobody's trouble then; what does not last is tried more and more rarely."""
    run = Run(None)
    run.feed(30, strain=lambda level: SUFFERING)
    assert run.levels[-1] > 2
    run.feed(REST_S * 12, strain=lambda level: FULL_ALONE)
    assert run.levels[-1] == 0
    run = Run(None)
    run.feed(1200, strain=lambda level: SUFFERING if level < 2 else FULL_ALONE)
    assert run.levels.count(1) < 14
    assert set(run.levels[2:]) <= {1, 2}


def test_without_plots_it_begins_with_the_pictures() -> None:
    """Steps that would change nothing are left out, both ways; and no plot is spoken of."""
    run = Run(None)
    run.budget.plots = False
    run.feed(14, strain=lambda level: SUFFERING)
    assert run.levels[:3] == [0, 3, 4]
    assert run.changed_s[0] - 100.0 >= PICTURES_PATIENCE_S
    assert run.budget.says() == (
        "Showing pictures at 50% of their size, because the one processor here is full."
    )
    run.feed(REST_S * 4, strain=lambda level: ROOM)
    assert run.levels[-1] == 0
    assert 2 not in run.levels
    assert 1 not in run.levels
