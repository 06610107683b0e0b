"""When processors are full, when media suffer, and that a real busy loop is seen."""

from __future__ import annotations

import asyncio
import time

import pytest

from smallrtc_lab.engine.strain import Strain, StrainGauge


@pytest.mark.parametrize(
    ("strain", "full"),
    [
        (Strain(), False),
        (Strain(used=0.9), False),
        (Strain(used=0.97), True),
        (Strain(used=0.6, throttled=0.5), True),
        (Strain(used=0.6, throttled=0.1), False),
        (Strain(allowed=8, used=0.2, own=1.1), True),
    ],
)
def test_full(strain: Strain, full: bool) -> None:
    """What may be used is used; or a quota ran out again and again; or our one interpreter can no more."""
    assert strain.full is full


@pytest.mark.parametrize(
    ("strain", "suffering"),
    [(Strain(late_s=0.002), False), (Strain(late_s=0.08), True), (Strain(skipped=0.5), True)],
)
def test_suffering(strain: Strain, suffering: bool) -> None:
    """The loop comes late to its turn, or pictures are left out."""
    assert (strain.suffering > 1.0) is suffering


def test_the_reason_in_words() -> None:
    """How many processors there are, or that one is all that helps."""
    assert Strain(1.0, 1.0).because == "because the one processor here is full"
    assert Strain(0.5, throttled=0.9).because == "because the 0.5 processors here are full"
    assert Strain(8.0, 0.2, own=1.0).because.startswith("because one processor is full, and")


async def test_a_loop_that_is_kept_from_its_turn_is_late() -> None:
    """Most of the time something else has it."""
    gauge = StrainGauge()
    gauge.read(0, 0)
    for _ in range(6):
        time.sleep(0.1)  # the loop stands still
        await asyncio.sleep(0.05)
    late_s = gauge.read(30, 0).late_s
    assert late_s is not None
    assert late_s > 0.05
    gauge.stop()


async def test_pictures_that_were_left_out_are_counted_since_the_last_look() -> None:
    """Of those that came; a new connection that counts from zero is no loss."""
    gauge = StrainGauge()
    assert gauge.read(0, 0).skipped == 0.0
    assert gauge.read(100, 25).skipped == 0.25
    assert gauge.read(100, 25).skipped == 0.0
    assert gauge.read(120, 0).skipped == 0.0
    assert gauge.read(120, 5).skipped == 1.0
    gauge.stop()
