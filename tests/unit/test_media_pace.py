"""Which pictures of a stream are due."""

from __future__ import annotations

import numpy as np
import pytest

from smallrtc_lab.media.pace import FramePace


@pytest.mark.parametrize(
    ("rate_hz", "asked_hz", "got_hz"),
    [
        (30, 30, 30),
        (30, 15, 15),
        (30, 10, 10),
        (30, 20, 20),
        (30, 25, 25),
        (30, 7, 7),
        (30, 60, 30),
        (24, 5, 5),
    ],
)
def test_max_rate_is_kept_on_average(rate_hz: float, asked_hz: float, got_hz: float) -> None:
    """At a rate that divides the camera's or does not, jittered or not, that many come and no more."""
    rng = np.random.default_rng(1)
    for jitter_s in (0.0, 0.002):
        pace = FramePace(max_rate_hz=asked_hz)
        times_s = np.arange(20 * rate_hz) / rate_hz + rng.uniform(-jitter_s, jitter_s, 20 * int(rate_hz))
        due = sum(pace.due(float(time_s)) for time_s in times_s)
        assert due / 20 == pytest.approx(got_hz, rel=0.03)


def test_a_pause_of_the_camera_earns_no_burst() -> None:
    """After frames stayed away the rate goes on, it does not catch up."""
    pace = FramePace(max_rate_hz=10)
    assert pace.due(0.0)
    assert [pace.due(10 + n / 30) for n in range(6)] == [True, False, False, True, False, False]


def test_every_nth() -> None:
    """`every` counts frames from the first one on."""
    pace = FramePace(every=3)
    assert [pace.due(n / 30) for n in range(7)] == [True, False, False, True, False, False, True]
