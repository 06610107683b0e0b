"""Times of samples that are addressed by counting."""

from __future__ import annotations

import numpy as np
import pytest

from smallrtc_lab.media.axis import SampleAxis

RATE, N = 48000, 960


def test_without_a_correction_time_is_position() -> None:
    """Up to 5 ms nothing is corrected: blocks follow each other exactly."""
    axis = SampleAxis(RATE)
    for block in range(100):
        axis.follow(block * N, N, block * 0.02 + 0.004 * (-1) ** block, "capture")
    times_s = [axis.time_s(block * N) for block in range(100)]
    assert times_s == [block * N / RATE for block in range(100)]
    assert axis.kind == "capture"


def test_arrivals_are_followed_only_when_they_are_far_off() -> None:
    """Up to 40 ms the first packet's arrival stands, for packets come late by chance; more is made good."""
    for missing_s, wanted_s in ((-0.03, 0.0), (-0.08, -0.08)):
        axis = SampleAxis(RATE)
        for block in range(100):
            axis.follow(block * N, N, block * 0.02 + missing_s, "arrival")
        assert axis.shift_s == pytest.approx(wanted_s, abs=0.001)


@pytest.mark.parametrize("missing_s", [-0.2, -0.06, 0.06, 0.5])
def test_a_correction_never_turns_time_back(missing_s: float) -> None:
    """Times glide by a tenth to where they belong, then stay; the kind is said when they are there."""
    axis, kinds = SampleAxis(RATE), []
    for block in range(500):
        axis.follow(block * N, N, block * 0.02 + missing_s, "capture")
        kinds.append(axis.kind)
    times_s = np.array([axis.time_s(sample) for sample in range(0, 500 * N, 480)])
    steps_s = np.diff(times_s) / 0.01
    moved = round(abs(missing_s) * 10 / 0.02)
    assert steps_s.min() > 0.75
    assert steps_s.max() < 1.25
    assert steps_s[2 * moved + 4 :] == pytest.approx(1)
    assert times_s[-1] == pytest.approx(499.5 * 0.02 + missing_s, abs=0.001)
    assert kinds.index("capture") == pytest.approx(moved, abs=2)


def test_the_past_keeps_the_times_it_had() -> None:
    """What was said of a sample is said again, as long as it may be asked for."""
    axis, said = SampleAxis(RATE), []
    for block in range(200):
        axis.follow(block * N, N, block * 0.02 * 1.02, "arrival")
        said.append(axis.time_s(block * N))
    assert [axis.time_s(block * N) for block in range(200)] == said
    axis.forget(150 * N)
    assert [axis.time_s(block * N) for block in range(150, 200)] == said[150:]
    assert axis.kind == "arrival"


def test_a_copy_keeps_the_times_of_its_moment() -> None:
    """What another thread reads has the times of then, whatever is learnt about the clocks afterwards."""
    axis = SampleAxis(RATE)
    axis.follow(0, RATE, 0.5, "capture")
    copy = axis.copy()
    then = axis.time_s(2 * RATE)
    axis.follow(RATE, RATE, 1.9, "capture")
    assert copy.time_s(2 * RATE) == then != axis.time_s(2 * RATE)
