"""Functions of a person that go wrong while everything is live: seen where they stand, and nothing else suffers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import numpy as np
from support.kernel import Kernel
from support.knownmedia import BLOCKS
from support.labview import LabView
from support.notebookpage import NotebookPage, sample_video, wait_video_frames

OpenNotebook = Callable[..., Awaitable[NotebookPage]]

LAB = """
import time
from smallrtc_lab import Lab
lab = Lab()
seen = {"pictures": 0, "blocks": 0}

@lab.watch_video
def count_pictures(frame):
    seen["pictures"] += 1

@lab.watch_audio
def count_blocks(chunk):
    seen["blocks"] += 1

lab
"""
RAISES = """
@lab.on_video
def effect(frame):
    raise RuntimeError(f"no idea at {frame.sequence}")
"""
NONSENSE = """
@lab.on_video
def effect(frame):
    return frame.image / 255
"""
GOOD = """
@lab.on_video
def effect(frame):
    return 255 - frame.image
"""
BAD_SOUND = """
@lab.on_audio
def louder(chunk):
    return "very loud"
"""
BLOCKS_TEN_SECONDS = """
@lab.on_video
def slow(frame):
    time.sleep(10)
    return 255 - frame.image
"""


async def returns(view: LabView, *, inverted: bool) -> None:
    """Wait until the returned picture is the original one, or the inverted one; fails when it does not come."""
    known = np.array([block.rgb for block in BLOCKS])
    for _ in range(10):  # the encoder's first pictures are coarse
        await wait_video_frames(view.returned, 5)
        seen = np.array(await sample_video(view.returned, [(block.x, block.y) for block in BLOCKS]))
        if np.abs(seen - (255 - known if inverted else known)).mean() < 6:
            return
    raise AssertionError(f"the returned picture is another one: {seen.tolist()}")


async def goes_on(kernel: Kernel) -> None:
    """Wait until both observers were called some more."""
    before = await kernel.value("seen")
    await kernel.wait_value("seen['pictures']", lambda now: now > before["pictures"] + 10)
    await kernel.wait_value("seen['blocks']", lambda now: now > before["blocks"] + 10)


async def test_errors_are_seen_and_the_original_passes(open_notebook: OpenNotebook) -> None:
    """A function that raises, or returns nonsense: said once under its cell and in the widget; the rest goes on."""
    notebook = await open_notebook([LAB, RAISES, NONSENSE, BAD_SOUND, GOOD])
    await notebook.run(0)
    view = LabView(notebook, 0)
    await view.start()
    kernel = await notebook.kernel()
    await kernel.wait_value("lab.state == 'live'")
    assert (await notebook.run(1)).error is None
    await notebook.wait_text(1, "effect.*RuntimeError: no idea at")
    assert 'raise RuntimeError(f"no idea' in await notebook.text(1)
    said = await view.wait_problem("effect: RuntimeError: no idea at")
    assert "the unprocessed picture is shown" in said
    await view.returned.wait_for(state="visible")
    await returns(view, inverted=False)
    await notebook.page.wait_for_timeout(1000)
    assert len((await notebook.output(1)).outputs) == 1
    assert await view.panels.count() == 1
    assert await kernel.value("len(effect.errors)") <= 25
    await notebook.run(2)
    await notebook.wait_text(2, "float.*multiply by 255")
    await view.wait_problem("multiply by 255?")
    await notebook.run(3)
    await notebook.wait_text(3, "louder.*TypeError")
    await view.wait_problem("louder: TypeError")
    await notebook.run(4)
    await view.root.locator(".srl-panel").filter(has_text="effect").wait_for(state="detached")
    await returns(view, inverted=True)
    await notebook.run(2)
    assert "the last effect that worked goes on" in await view.wait_problem("multiply by 255?")
    await returns(view, inverted=True)
    await goes_on(kernel)
    assert await view.state() == "live"


async def test_a_function_that_blocks_disturbs_nothing_else(open_notebook: OpenNotebook) -> None:
    """Ten seconds in a callback: said after three, the original picture passes, observers and sound go on."""
    notebook = await open_notebook([LAB, BLOCKS_TEN_SECONDS])
    await notebook.run(0)
    view = LabView(notebook, 0)
    await view.start()
    kernel = await notebook.kernel()
    await kernel.wait_value("lab.state == 'live'")
    assert (await notebook.run(1, timeout_s=9)).error is None
    await view.wait_problem("slow has not returned for")
    await notebook.wait_text(1, "slow has not returned for")
    await returns(view, inverted=False)
    assert "too slow" in await view.root.locator("figcaption").last.inner_text()
    assert await kernel.value("lab.video.latest().image.shape") == [480, 640, 3]
    await kernel.wait_value("len(lab.audio.last(1).gaps) == 0")
    await goes_on(kernel)
    await kernel.execute("lab.on_video(lambda frame: 255 - frame.image)")
    await view.panels.first.wait_for(state="detached")
