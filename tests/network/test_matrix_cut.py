"""Datagrams stop in mid-call, and come again: the same call goes on, each time by the best way there is."""

from __future__ import annotations

from itertools import pairwise

import pytest
from support.matrix import Ground, LabPage, lab_cell
from support.matrixcall import talking
from support.matrixrows import arrived

pytestmark = pytest.mark.asyncio(loop_scope="module")
FALL_S, CLIMB_S = 4.0, 1.0  # goals; five times as much is a fault
FIREFOX = pytest.param("Firefox", marks=pytest.mark.soak)


@pytest.mark.parametrize("browser", ["Chromium", FIREFOX])
async def test_a_call_outlives_its_datagrams(ground: Ground, browser: str) -> None:
    """Direct, cut, through Jupyter, restored, direct: right pictures after each change, messages once and in order."""
    async with ground.open(lab_cell(painted=browser == "Firefox"), browser=browser) as page:
        first_s = await page.start()
        await page.wait_route("direct")
        await page.kernel.execute("times.clear()")
        async with talking(page) as figures:
            await pictures(page, 10)
            with ground.internet.no_udp():
                await page.wait_route("relay")
                await pictures(page, 10)
                fallen_s = await longest_gap_s(page)
                await arrived(page, "UDP cut in mid-call", first_s, route="relay", goal_s=1)
            await page.kernel.execute("del times[:-1]")
            await page.wait_route("direct", timeout_s=180)
            await pictures(page, 30)
            climbed_s = await longest_gap_s(page)
        await arrived(page, "UDP cut and restored", first_s, route="direct", goal_s=1)
    print(
        f"gap when cut {fallen_s:.2f} s (goal {FALL_S}), when restored {climbed_s:.2f} s (goal {CLIMB_S}); {figures}"
    )
    assert fallen_s < 5 * FALL_S
    assert climbed_s < 5 * CLIMB_S


async def pictures(page: LabPage, count: int) -> None:
    """Wait for so many more."""
    before = await page.kernel.value("len(times)")
    await page.kernel.wait_value(f"len(times) >= {before + count}")


async def longest_gap_s(page: LabPage) -> float:
    """Between two pictures."""
    return max(later - sooner for sooner, later in pairwise(await page.kernel.value("times")))
