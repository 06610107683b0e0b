"""Start and Stop, mute, camera off, other devices, a shared screen: what the page opens and what reaches Python."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import Browser
from support.knownmedia import TONE_AMPLITUDE
from support.labview import LabView, device_requests, live_tracks, wait_live_tracks
from support.notebookpage import NotebookPage, wait_video_frames

OpenNotebook = Callable[..., Awaitable[NotebookPage]]
LaunchChromium = Callable[..., Awaitable[Browser]]

LAB = "import numpy as np\nfrom smallrtc_lab import Lab\nlab = Lab(screen=True)\nlab"
CAMERA_IN_USE = "video => video.srcObject.getVideoTracks()[0].getSettings().deviceId"
RMS = "float(lab.audio.last(0.3).mono.std())"


async def test_switches_act_at_once_and_stop_gives_everything_back(open_notebook: OpenNotebook) -> None:
    """Mute is silence, camera off gives the camera back, a shared screen arrives, Stop leaves no live track."""
    notebook = await open_notebook([LAB])
    await notebook.run(0)
    view = LabView(notebook, 0)
    await view.start()
    kernel = await notebook.kernel()
    await kernel.wait_value("lab.state == 'live'")
    assert await live_tracks(notebook) == 2

    await view.press("Mute microphone")
    await kernel.wait_value(RMS, lambda rms: rms < 1e-4)
    assert await kernel.value("lab.audio.record(0.2).duration_s") == pytest.approx(0.2)
    assert await live_tracks(notebook) == 2
    await view.press("Unmute microphone")
    await kernel.wait_value(RMS, lambda rms: rms == pytest.approx(TONE_AMPLITUDE / 2**0.5, rel=0.05))

    await view.press("Switch camera off")
    await wait_live_tracks(notebook, 1)
    await kernel.execute("import time")
    still = "(lab.video.latest().sequence, time.sleep(0.5), lab.video.latest().sequence)"
    last, *_ = await kernel.wait_value(still, lambda seen: seen[0] == seen[2])
    assert await kernel.value("lab.state") == "live"
    await view.press("Switch camera on")
    await kernel.wait_value("lab.video.latest().sequence", lambda sequence: sequence > last + 10)
    assert await live_tracks(notebook) == 2

    await view.press("Share a screen")
    await view.screen.wait_for(state="visible", timeout=60_000)
    await kernel.wait_value("lab.screen.settings is not None")
    width, height = await view.screen.evaluate("video => [video.videoWidth, video.videoHeight]")
    await kernel.execute("for frame in lab.screen.frames(timeout_s=50): break")
    shape = await kernel.value("lab.screen.latest().image.shape")
    print(f"screen: {width}×{height} in the page, {shape} in Python")
    assert shape[1] / shape[0] == pytest.approx(width / height, rel=0.02)
    await wait_live_tracks(notebook, 3)
    await view.press("Stop sharing the screen")
    await wait_live_tracks(notebook, 2)

    await view.press("Stop")
    await view.wait_state("idle")
    await wait_live_tracks(notebook, 0)
    await kernel.wait_value("lab.state == 'idle' and lab.stats()['connection'] == {}")
    assert await device_requests(notebook) == ["getUserMedia", "getUserMedia", "getDisplayMedia"]
    await view.start()
    await kernel.wait_value("lab.state == 'live'")
    await wait_video_frames(view.camera)


async def test_another_device_takes_over_while_running(
    open_notebook: OpenNotebook, launch_chromium: LaunchChromium
) -> None:
    """Another camera and microphone picked while live: Python's pictures and sound go on, from the picked ones."""
    # of Chromium's fake cameras the second one (Motion JPEG) gives a peer connection no pictures
    browser = await launch_chromium("--use-fake-device-for-media-stream=device-count=3", media=None)
    notebook = await open_notebook([LAB], browser=browser)
    await notebook.run(0)
    view = LabView(notebook, 0)
    await view.start()
    kernel = await notebook.kernel()
    await kernel.wait_value("lab.state == 'live' and lab.video.settings is not None")
    await view.press("Devices")
    for kind, setting in (("Camera", "lab.video.settings"), ("Microphone", "lab.audio.settings")):
        picker = view.root.get_by_role("combobox", name=kind)
        options = await picker.locator("option").evaluate_all(
            "all => all.map(one => [one.value, one.textContent])"
        )
        used = (await kernel.value(setting))["deviceId"]
        current = await picker.input_value()
        other, label = [one for one in options if one[0] not in (used, current, "test-signal")][-1]
        before = await kernel.value("lab.video.latest().sequence")
        await picker.select_option(other)
        await kernel.wait_value(f"{setting}['deviceId']", lambda device, other=other: device == other)
        print(f"{kind}: {label} of {[text for _, text in options]}")
        await kernel.wait_value(
            "lab.video.latest().sequence", lambda sequence, before=before: sequence > before + 10
        )
        assert await picker.input_value() == other
    assert await view.camera.evaluate(CAMERA_IN_USE) == (await kernel.value("lab.video.settings"))["deviceId"]
    assert await live_tracks(notebook) == 2
    assert await view.root.get_by_role("combobox", name="Speaker").is_visible()
    assert await view.problems() == []
