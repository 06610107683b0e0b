"""Pace: how often something may come."""

from __future__ import annotations

import numpy as np
import pytest

from smallrtc_lab.rtc.pace import Pace


@pytest.mark.parametrize(("rate_hz", "wanted"), [(30, 90), (20, 60), (15, 45), (7, 21), (60, 90)])
def test_so_many_of_thirty_a_second_pass(rate_hz: float, wanted: int) -> None:
    """Of three seconds of jittering pictures at 30 a second as many pass as were asked for."""
    jitter = np.random.default_rng(1).uniform(-0.002, 0.002, 90)
    pace = Pace(rate_hz)
    assert sum(pace.due(n / 30 + jitter[n]) for n in range(90)) == pytest.approx(wanted, abs=2)


def test_without_a_rate_everything_passes() -> None:
    """None keeps nothing back."""
    pace = Pace(None)
    assert all(pace.due(0.0) for _ in range(5))


def test_how_long_to_wait() -> None:
    """A writer is told how early it is, a tenth of an interval less; after a pause nothing was saved up."""
    pace = Pace(10)
    assert pace.early_s(5.0) == 0.0
    pace.take(5.0)
    assert pace.early_s(5.0) == pytest.approx(0.09)
    assert pace.due(9.0)
    assert not pace.due(9.05)
