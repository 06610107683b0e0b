"""The browser fixtures themselves, on plain JupyterLab: what they promise the other tests."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import pytest
from playwright.async_api import Browser, Locator
from support.jupyter import JupyterServer
from support.knownmedia import (
    BLOCKS,
    FRAMES,
    TONE_AMPLITUDE,
    TONE_HZ,
    KnownMedia,
    picture_error,
    read_counter,
    tone_of,
)
from support.notebookpage import NotebookPage, measure_tone, sample_video, video_image, wait_video_frames

OpenNotebook = Callable[..., Awaitable[NotebookPage]]

CAMERA = """async ({ raw }) => {
  const audio = raw ? { echoCancellation: false, noiseSuppression: false, autoGainControl: false } : true
  const video = document.createElement('video')
  video.id = 'camera'
  video.muted = true
  const camera = { width: 640, height: 480, frameRate: 30 }
  video.srcObject = await navigator.mediaDevices.getUserMedia({ video: camera, audio })
  document.body.append(video)
  await video.play()
  return video.srcObject.getVideoTracks()[0].getSettings().frameRate
}"""


async def camera(notebook: NotebookPage) -> Locator:
    await notebook.page.evaluate(CAMERA, {"raw": True})
    video = notebook.page.locator("#camera")
    await wait_video_frames(video, 5)
    return video


async def test_cells_run_and_are_read_back(open_notebook: OpenNotebook) -> None:
    """A cell's text, result and error are read from the page, and each run has a new prompt number."""
    notebook = await open_notebook(["print('hello')\n6 * 7", "1 / 0", "%%markdown\n# A title"])
    first = await notebook.run(0)
    assert (first.execution_count, first.text, first.error) == (1, "hello\n42", None)
    failing = await notebook.run(1)
    assert failing.error is not None
    assert failing.error.name == "ZeroDivisionError"
    assert "1 / 0" in failing.error.traceback
    assert (await notebook.press_run(0)).execution_count == 3
    await notebook.wait_text(0, "hello.*42")
    assert notebook.page_errors == []


async def test_a_widget_in_a_cell_is_found_and_clicked(open_notebook: OpenNotebook) -> None:
    """A widget in a cell is found by its class, and a click on its Start reaches the kernel."""
    notebook = await open_notebook(
        [
            "import ipywidgets\nclicks = []\n"
            "box = ipywidgets.VBox([ipywidgets.Button(description='Start')])\n"
            "box.add_class('smallrtc-lab')\nbox.children[0].on_click(lambda button: clicks.append(1))\nbox"
        ]
    )
    await notebook.run(0)
    await notebook.start(0)
    kernel = await notebook.kernel()
    assert await kernel.wait_value("clicks") == [1]
    await notebook.screenshot("harness-widget", notebook.widget(0))


async def test_no_prompt_stands_over_the_page(open_notebook: OpenNotebook) -> None:
    """Neither Jupyter's news prompt nor any other dialog or notification is seen."""
    notebook = await open_notebook(["1"])
    await notebook.run(0)
    assert await notebook.page.locator(".jp-Dialog, .Toastify__toast").count() == 0


async def test_the_camera_shows_the_known_picture(
    open_notebook: OpenNotebook, known_media: KnownMedia
) -> None:
    """The page's camera shows the eight colours, at 30 frames/s, and its frame counter runs."""
    notebook = await open_notebook(["1"])
    video = await camera(notebook)
    colours = await sample_video(video, [(block.x, block.y) for block in BLOCKS])
    image = await video_image(video)
    errors = [
        abs(seen - known)
        for c, b in zip(colours, BLOCKS, strict=True)
        for seen, known in zip(c, b.rgb, strict=True)
    ]
    print(f"camera: mean error {picture_error(image):.2f}, largest {max(errors)} of 255")
    assert max(errors) <= 6
    assert picture_error(image) < 3
    before = read_counter(image)
    took_s = await wait_video_frames(video, 15)
    after = read_counter(await video_image(video))
    assert before is not None
    assert after is not None
    print(f"15 frames took {took_s:.2f} s, the counter went on by {(after - before) % FRAMES}")
    assert (after - before) % FRAMES >= 10
    assert took_s > 0.4, "more than 30 pictures a second"


async def test_the_microphone_hears_the_known_tone(open_notebook: OpenNotebook) -> None:
    """The page's microphone, its voice processing off, hears the tone at its frequency and amplitude."""
    notebook = await open_notebook(["1"])
    tone = await measure_tone(await camera(notebook))
    print(f"microphone: {tone.hz:.1f} Hz, RMS {tone.rms:.3f}, expected {TONE_AMPLITUDE / np.sqrt(2):.3f}")
    assert tone.hz == pytest.approx(TONE_HZ, abs=3)
    assert tone.rms == pytest.approx(TONE_AMPLITUDE / np.sqrt(2), rel=0.1)
    assert tone.muted


async def test_the_kernel_is_reached_beside_the_page(open_notebook: OpenNotebook) -> None:
    """The test runs code in the notebook's kernel without touching a cell or a prompt number."""
    notebook = await open_notebook(["x = 5", "x"])
    await notebook.run(0)
    kernel = await notebook.kernel()
    assert await kernel.value("x") == 5
    await kernel.execute("x = 6")
    assert (await notebook.run(1)).text == "6"
    await notebook.restart_kernel()
    await kernel.ready()
    assert await kernel.value("'x' in globals()") is False


async def test_saving_writes_the_notebook(open_notebook: OpenNotebook) -> None:
    """What is saved from the page lies on the server's disk."""
    notebook = await open_notebook(["print('kept')"])
    await notebook.run(0)
    saved: dict[str, Any] = await notebook.save()
    assert "kept" in json.dumps(saved)


async def test_a_refused_permission_is_refused(
    open_notebook: OpenNotebook, launch_chromium: Callable[..., Awaitable[Browser]]
) -> None:
    """With accept=False the camera is refused, unless the context was given the permission."""
    browser = await launch_chromium(accept=False)
    refused = await open_notebook(["1"], browser=browser)
    ask = "navigator.mediaDevices.getUserMedia({video: true}).then(() => 'granted', error => error.name)"
    assert await refused.page.evaluate(ask) == "NotAllowedError"
    granted = await open_notebook(["1"], browser=browser, permissions=["camera", "microphone"])
    assert await granted.page.evaluate(ask) == "granted"


async def test_a_machine_without_devices_has_none(
    open_notebook: OpenNotebook, launch_chromium: Callable[..., Awaitable[Browser]]
) -> None:
    """A Chromium started with media=None finds no camera."""
    notebook = await open_notebook(["1"], browser=await launch_chromium(media=None))
    ask = "navigator.mediaDevices.getUserMedia({video: true}).then(() => 'granted', error => error.name)"
    assert await notebook.page.evaluate(ask) == "NotFoundError"


async def test_quiet_evaluation_is_no_gesture(open_notebook: OpenNotebook) -> None:
    """A page that was only opened and asked quietly was never touched; a click on it is a gesture."""
    notebook = await open_notebook(["1"])
    touched = "navigator.userActivation.hasBeenActive"
    assert await notebook.evaluate_quietly(touched) is False
    await notebook.cell(0).click()
    assert await notebook.evaluate_quietly(touched) is True


def test_the_tone_meter_measures(known_media: KnownMedia) -> None:
    """The meter used on sound in Python finds frequency and amplitude of a sine."""
    times_s = np.arange(24000) / 48000
    hz, amplitude = tone_of((0.3 * np.sin(2 * np.pi * 441.5 * times_s)).astype(np.float32), 48000)
    assert hz == pytest.approx(441.5, abs=0.5)
    assert amplitude == pytest.approx(0.3, rel=0.01)


def test_a_server_leaves_nothing_behind(tmp_path: Any) -> None:
    """A server that is stopped takes everything with it, and its port is free again."""
    server = JupyterServer(tmp_path).start()
    begun = time.monotonic()
    assert server.stop() == []
    print(f"JupyterLab stopped in {time.monotonic() - begun:.1f} s")
    assert server.family.members() == []
