"""Bytes of pictures for one page, by what its way was measured to carry."""

from __future__ import annotations

from smallrtc_lab.engine.plotting.budget import QUALITIES, ByteBudget


def carried(budget: ByteBudget, bytes_per_s: float, size: int, *, views: int = 1, times: int = 30) -> None:
    """Pictures of all views are sent one after the other on a way with this throughput."""
    for _ in range(times):
        for view in range(views):
            budget.acknowledged(str(view), size, 30.0, size / bytes_per_s)


def test_a_quick_way_has_no_limit() -> None:
    """Large pictures of four plots are not limited where each takes a few milliseconds."""
    budget = ByteBudget()
    carried(budget, 10e6, 90_000, views=4)
    assert (budget.factor, budget.quality, budget.is_slow) == (1.0, QUALITIES[0], False)


def test_a_narrow_way_is_shared() -> None:
    """On 1 Mbit/s plots take half of it, however many there are, and it is said."""
    for views in (1, 4):
        budget = ByteBudget()
        carried(budget, 125e3, 20_000, views=views)
        sent_per_s = views * 20_000 * 30 * budget.factor
        assert 50e3 < sent_per_s < 75e3
        assert budget.is_slow


def test_quality_goes_down_first_and_comes_back() -> None:
    """The worst quality is reached on a narrow way; when it is wide again the best one is, and nothing is limited."""
    budget = ByteBudget()
    carried(budget, 125e3, 20_000)
    assert budget.quality == QUALITIES[-1]
    carried(budget, 10e6, 20_000, times=100)
    assert (budget.quality, budget.factor) == (QUALITIES[0], 1.0)


def test_a_view_that_is_hidden_leaves_its_part_to_the_others() -> None:
    """With one of two views gone the other one has twice the rate."""
    budget = ByteBudget()
    carried(budget, 125e3, 20_000, views=2)
    both = budget.factor
    budget.leave("1")
    assert abs(budget.factor - 2 * both) < 1e-9


def test_a_busy_machine_is_not_a_narrow_way() -> None:
    """Where half of the pictures are held up for long and the others are not, nothing is limited."""
    budget = ByteBudget()
    for number in range(40):
        budget.acknowledged("0", 30_000, 30.0, 0.3 if number % 2 else 0.01)
    assert (budget.factor, budget.quality) == (1.0, QUALITIES[0])


def test_a_shared_way_is_used_only_as_far_as_is_allowed() -> None:
    """However much it carries: first quality, then rate, and the person reads why."""
    budget = ByteBudget()
    budget.most_bytes_per_s = 100_000
    carried(budget, 100e6, 40_000)
    assert budget.factor * 40_000 * 30 <= 100_000
    assert budget.quality == QUALITIES[-1]
    assert budget.is_slow
    assert budget.why == "shared connection"
    budget.most_bytes_per_s = None
    assert budget.factor == 1.0
