"""Server, kernel and engine on one processor that a cell keeps busy: what is shed, and that sound never is."""

from __future__ import annotations

import os
import shutil
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser
from support.jupyter import JupyterServer
from support.knownmedia import TONE_HZ, KnownMedia, tone_of
from support.labview import LabView
from support.notebookpage import NotebookPage

OpenNotebook = Callable[..., Awaitable[NotebookPage]]
LaunchChromium = Callable[..., Awaitable[Browser]]

BUSY_S = 40
CELLS = [
    """
import time
from smallrtc_lab import Lab
lab = Lab(video=dict(width=1280, height=720, frame_rate=30), keep_s=60)
@lab.on_video
def same(frame):
    return frame.image
plots = []
lab""",
    "plots += [lab.plot.waveform()]; plots[-1]",
    "plots += [lab.plot.spectrogram()]; plots[-1]",
    "plots += [lab.plot.spectrum()]; plots[-1]",
    "plots += [lab.plot.video()]; plots[-1]",
    f"""
ended, budgets = time.monotonic() + {BUSY_S}, []
while time.monotonic() < ended:
    begun = time.monotonic()
    while time.monotonic() < begun + 2:
        sum(range(1000))
    budgets.append(lab.stats()["budget"])
clip = lab.audio.last(30)
""",
]
PLOTS = "[one.stats['views'][0] for one in plots]"


@pytest.fixture
def small_server(tmp_path: Path) -> Iterator[JupyterServer]:
    """A JupyterLab whose processes all have the same one processor."""
    here = str(min(os.sched_getaffinity(0)))
    server = JupyterServer(tmp_path, enter=("taskset", "-c", here)).start()
    yield server
    left = server.stop()
    assert not left, f"processes outlived JupyterLab: {left}"


@pytest.mark.soak
@pytest.mark.timeout(400)
@pytest.mark.skipif(
    not shutil.which("taskset") or len(os.sched_getaffinity(0)) < 2,
    reason="needs a processor for the browser",
)
@pytest.mark.parametrize("route", ["direct", "relay"])
async def test_sound_has_no_gap_and_plots_stay_alive_beside_a_busy_cell(
    route: str,
    small_server: JupyterServer,
    open_notebook: OpenNotebook,
    launch_chromium: LaunchChromium,
    known_media: KnownMedia,
) -> None:
    """720p at 30/s, a function that returns it, four plots and a Python loop on one processor."""
    browser = await launch_chromium(
        "--use-fake-device-for-media-stream=fps=30",
        f"--use-file-for-fake-audio-capture={known_media.microphone}",
        *(["--webrtc-ip-handling-policy=disable_non_proxied_udp"] if route == "relay" else []),
        media=None,
    )
    size = {"width": 1280, "height": 2600}
    notebook = await open_notebook(CELLS, browser=browser, server=small_server, viewport=size)
    found = await run_busy(notebook, route)
    assert found["budget"]["processors"] == 1
    if (
        route == "direct"
    ):  # a relay's page leaves sound out before it is sent when it is starved itself: printed
        assert found["gaps"] == []
    assert found["hz"] == pytest.approx(TONE_HZ, abs=2)
    assert all(after["shown"] > before["shown"] for before, after in zip(*found["plots"], strict=True))


async def run_busy(notebook: NotebookPage, route: str) -> dict[str, Any]:
    """Go live, run the busy cell, and tell what came of it."""
    for index in range(5):
        assert (await notebook.run(index)).error is None
    kernel = await notebook.kernel()
    await LabView(notebook, 0).start()
    await kernel.wait_value("lab.state == 'live'")
    await kernel.wait_value(f"all(view['shown'] > 3 for view in {PLOTS})")
    assert await kernel.value("lab.route") == route
    before = await kernel.value(PLOTS)
    assert (await notebook.run(5, timeout_s=BUSY_S + 100)).error is None
    budgets = await kernel.value("budgets")
    after = await kernel.value(PLOTS)
    hz, amplitude = tone_of(await kernel.array("clip.mono[-48000:]"), 48000)
    history = await kernel.value(
        f"[[round(float(row[name]), 2) for name in ('fps', 'delay_ms', 'engine_cores')] "
        f"for row in lab.stats_history({BUSY_S})[::8]]"
    )
    gaps = await kernel.value("[str(gap) for gap in clip.gaps]")
    for one in budgets:
        print({name: value for name, value in one.items() if name not in ("limit_s", "delay_s")})
    print("fps, delay, cores:", history)
    for one, other in zip(before, after, strict=True):
        print(
            f"plot: {one['rate_hz']} → {other['rate_hz']} a second, {other['delay_ms']} ms, "
            f"{other['shown'] - one['shown']} shown"
        )
    print(f"tone {hz:.1f} Hz, {amplitude:.3f}; gaps {gaps}; {await kernel.value('clip.duration_s')} s")
    print(await kernel.value("repr(lab.stats())"))
    return {"budget": budgets[-1], "gaps": gaps, "hz": hz, "plots": (before, after)}
