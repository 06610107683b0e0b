"""Python as the camera, as a person sees and hears it in a notebook: a figure, a picture, a sound, and no device."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import numpy as np
import pytest
from support.labview import LabView, audible, device_requests
from support.notebookpage import NotebookPage, video_image, wait_video_frames

OpenNotebook = Callable[..., Awaitable[NotebookPage]]

LAB = "from smallrtc_lab import Lab\nlab = Lab(audio=False, video=False, quality='high')\nlab"
FIGURE = """
import numpy as np
from matplotlib.figure import Figure

figure = Figure(figsize=(6.4, 4.8), facecolor="#c81e1e")
axes = figure.add_axes((0.5, 0, 0.5, 1))
axes.set_facecolor("#1e1ec8")
axes.set_axis_off()
axes.axvspan(0, 1, color="#1e1ec8")
axes.set_xlim(0, 1)
lab.show(figure)
"""
TONE = "tone = lab.play(0.2 * np.sin(2 * np.pi * 440 * np.arange(48000 * 60) / 48000), 48000)\ntone"
GREEN = "lab.show(np.full((480, 640, 3), (30, 200, 30), np.uint8))"
FAILING = """
def pictures():
    yield np.full((240, 320, 3), (200, 200, 30), np.uint8)
    raise ValueError("no more colours")

lab.stream(pictures(), rate_hz=5)
"""


async def wait_colour(view: LabView, at: tuple[float, float], rgb: tuple[int, int, int]) -> None:
    """Until the returned picture has that colour at a place, given as parts of width and height."""
    video = view.returned
    seen: list[int] = []
    for _ in range(120):
        image = await video_image(video)
        height, width = image.shape[:2]
        seen = [int(part) for part in image[int(at[1] * height), int(at[0] * width)][:3]]
        if np.abs(np.array(seen) - rgb).max() < 25:
            return
        await view.root.page.wait_for_timeout(500)
    raise AssertionError(f"{seen} instead of {rgb}")


async def test_what_python_shows_and_plays_is_seen_and_heard(open_notebook: OpenNotebook) -> None:
    """No device is asked for; colours are right, another picture replaces the first; sound waits for Listen."""
    notebook = await open_notebook([LAB, FIGURE, TONE, GREEN, "tone", FAILING])
    await notebook.run(0)
    assert (await notebook.run(1)).error is None  # shown before anybody looks
    view = LabView(notebook, 0)
    await view.start()
    assert await device_requests(notebook) == []
    video = view.returned
    await wait_video_frames(video)
    await wait_colour(view, (0.25, 0.5), (200, 30, 30))
    await wait_colour(view, (0.75, 0.5), (30, 30, 200))
    await notebook.screenshot("shown-figure", view.root)
    said = await notebook.run(2)
    assert "lab.play, " in said.text
    listen = view.button("Listen to the sound Python returns")
    await listen.wait_for()
    await notebook.page.wait_for_timeout(500)
    assert await audible(notebook) == 0
    await listen.click()
    await view.button("Stop listening to Python's sound").wait_for()
    tone = await view.hear()
    assert tone.hz == pytest.approx(440, abs=5)
    assert (await notebook.run(3)).error is None
    await wait_colour(view, (0.25, 0.5), (30, 200, 30))
    await wait_colour(view, (0.75, 0.5), (30, 200, 30))
    await notebook.screenshot("shown-picture", view.root)
    said = await notebook.run(4)
    assert "Listen" not in said.text  # the page has said that somebody does
    await notebook.run(5)
    await notebook.wait_text(5, "no more colours")
    await view.wait_problem("no more colours")
