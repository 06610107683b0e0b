"""What a call is like over a while: pictures, sound and numbered messages, both ways, whatever the network does."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import numpy as np

from .matrix import LabPage

__all__ = ["Figures", "talking", "watched"]

# Ten numbers a second to Python, which sends them back (`matrix.LAB`); when each was sent and heard.
TALK = """(() => {
  const root = document.querySelector('.smallrtc-lab')
  const talk = (window.smallrtcTalk = { sent: [], heard: [], heardMs: [] })
  const hear = event => {
    talk.heard.push(event.data)
    talk.heardMs.push(performance.now())
  }
  root.lab.addEventListener('message', hear)
  const timer = setInterval(() => {
    root.lab.send(talk.sent.length)
    talk.sent.push(performance.now())
  }, 100)
  talk.stop = () => clearInterval(timer)
  talk.end = () => root.lab.removeEventListener('message', hear)
})()"""
ALL_HEARD = "smallrtcTalk.heard.length >= smallrtcTalk.sent.length"
TRIPS = "smallrtcTalk.heardMs.map((heard, index) => heard - smallrtcTalk.sent[index])"
GAPS = "sum(gap.duration_s for gap in clip.gaps) / max(clip.duration_s, 0.02)"


@dataclass
class Figures:
    """Pictures that Python got, the share of its sound that never came, messages there and back."""

    rate_hz: float = 0.0
    longest_gap_s: float = 0.0
    missing_sound: float = 0.0
    messages: int = 0
    message_ms: float = 0.0
    slowest_message_ms: float = 0.0

    def __str__(self) -> str:
        return (
            f"{self.rate_hz:.1f} pictures/s, longest gap {self.longest_gap_s:.2f} s, {self.missing_sound:.1%} of the "
            f"sound missing, {self.messages} messages, median {self.message_ms:.0f} ms, "
            f"slowest {self.slowest_message_ms:.0f} ms"
        )


@contextlib.asynccontextmanager
async def talking(page: LabPage) -> AsyncIterator[Figures]:
    """Numbers go to Python and back for the whole block; behind it each has come once and in order, both ways."""
    figures = Figures()
    await page.kernel.execute("got.clear(); times.clear()")
    await page.tab.evaluate(TALK)
    yield figures
    await page.tab.evaluate("smallrtcTalk.stop()")
    wanted = list(range(await page.tab.evaluate("smallrtcTalk.sent.length")))
    await page.kernel.wait_value(f"len(got) >= {len(wanted)}")
    await page.tab.wait_true(ALL_HEARD)
    await page.tab.evaluate("smallrtcTalk.end()")
    assert await page.kernel.value("got") == wanted
    assert await page.tab.evaluate("smallrtcTalk.heard") == wanted
    trips_ms = np.array(await page.tab.evaluate(TRIPS))
    figures.messages, figures.message_ms = len(wanted), float(np.median(trips_ms))
    figures.slowest_message_ms = float(trips_ms.max())
    times_s = np.array(await page.kernel.value("times"))
    figures.rate_hz = (len(times_s) - 1) / float(times_s[-1] - times_s[0])
    figures.longest_gap_s = float(np.diff(times_s).max())


async def watched(page: LabPage, seconds: float) -> Figures:
    """Look at the call for so long."""
    async with talking(page) as figures:
        await asyncio.sleep(seconds)
        await page.kernel.execute(f"clip = lab.audio.last({seconds})")
        figures.missing_sound = float(await page.kernel.value(GAPS))
    return figures
