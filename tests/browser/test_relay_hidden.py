"""A live tab that is hidden for more than six minutes: after five, its timers run once a minute."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Playwright
from support.jupyter import JupyterServer
from support.kernel import Kernel
from support.knownmedia import TONE_HZ, KnownMedia, tone_of
from support.labview import WATCH_MEDIA, LabView
from support.notebookpage import NotebookPage
from support.plainchromium import plain_chromium

pytestmark = pytest.mark.soak

HIDDEN_S = 390
NO_UDP = ("--webrtc-ip-handling-policy=disable_non_proxied_udp",)
LAB = "from smallrtc_lab import Lab\nlab = Lab()\nlab"
CODE = """
import time
got, came, gaps_s = [], [], 0.0

@lab.on_message
def heard(message):
    got.append(message)

@lab.watch_video
def watch(frame):
    came.append(time.monotonic())

@lab.watch_audio
def listen(chunk):
    global gaps_s
    gaps_s += sum(gap.duration_s for gap in chunk.gaps)

@lab.on_video
def echo(frame):
    return frame.image

def rate_hz(seconds=5):
    now = time.monotonic()
    return sum(at > now - seconds for at in came) / seconds

def longest_s():
    return max(b - a for a, b in zip(came, came[1:]))
"""
SAY = """const root = document.querySelector('.smallrtc-lab'); let n = 0
new Worker(URL.createObjectURL(new Blob(['setInterval(() => postMessage(0), 5000)']))).onmessage =
  () => root.lab.send(n++)"""


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("route", ["relay", "direct"])
async def test_a_hidden_tab_goes_on(
    route: str, tmp_path: Path, playwright: Playwright, jupyter: JupyterServer, known_media: KnownMedia
) -> None:
    """Sound without a gap and pictures, slower through Jupyter and said so; shown again all is as before at once."""
    async with plain_chromium(tmp_path, known_media, *(NO_UDP if route == "relay" else ())) as chromium:
        async with chromium.driven(playwright) as browser:
            [context] = browser.contexts
            await context.add_init_script(WATCH_MEDIA)
            path = jupyter.write_notebook(f"hidden-{route}.ipynb", [LAB, CODE])
            notebook = NotebookPage(jupyter, context, context.pages[0], path, tmp_path)
            await notebook.open()
            await notebook.run(0)
            assert (await notebook.run(1)).error is None
            await LabView(notebook, 0).start()
            kernel = await notebook.kernel()
            await kernel.wait_value(f"lab.route == {route!r} and len(came) > 60")
            await notebook.evaluate_quietly(f"void (() => {{ {SAY} }})()")
            before_hz = await kernel.value("rate_hz()")
        tab = await chromium.tab("hidden-")
        await chromium.cover()
        await kernel.wait_value("not lab.stats()['pages'][0]['visible']")
        await kernel.execute("gaps_s = 0.0; came.clear()")
        for second in range(0, HIDDEN_S, 30):
            await asyncio.sleep(30)
            print(f"hidden for {second + 30} s:", await told(kernel))
            assert await kernel.value("lab.state == 'live' and rate_hz() > 0.5")
        slowed = await kernel.value("lab.stats()['page'].get('slowed')")
        assert slowed == ("hidden" if route == "relay" else None)
        longest_s, gaps_s = await kernel.value("(longest_s(), gaps_s)")
        print(f"longest gap between pictures {longest_s:.2f} s; {gaps_s:.2f} s of sound missing")
        await kernel.execute("clip = lab.audio.last(2)")
        hz, _ = tone_of(await kernel.array("clip.mono"), 48000)
        assert hz == pytest.approx(TONE_HZ, abs=2)
        assert await kernel.value("lab.route") == route
        await chromium.show(tab)
        await asyncio.sleep(2)
        print(f"before {before_hz:.1f}; 2 s after it is shown:", await told(kernel))
        await kernel.wait_value("lab.stats()['pages'][0]['visible'] and rate_hz(2) > 5")
        await kernel.wait_value("got == list(range(len(got))) and len(got) > 60")
        delay_ms = await kernel.value("lab.stats()['delays']['capture_to_callback']['median_ms']")
        assert delay_ms < 1500
        await kernel.close()
        for session in (await jupyter.request("GET", "api/sessions")).json():
            await jupyter.request("DELETE", f"api/sessions/{session['id']}")


async def told(kernel: Kernel) -> Any:
    """Pictures a second, sound that came, delay, and how the page calls itself."""
    return await kernel.value(
        "(rate_hz(), lab.stats()['audio']['received'], round(gaps_s, 2), "
        "lab.stats()['delays']['capture_to_callback'], lab.stats()['page'].get('slowed'))"
    )
