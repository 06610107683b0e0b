"""What a page may send over a relay: a screen, cameras of any size, from a busy page, with and without WebCodecs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from playwright.async_api import Browser
from support.kernel import Kernel
from support.knownmedia import TONE_HZ, tone_of
from support.labview import LabView
from support.notebookpage import NotebookPage, wait_video_frames

OpenNotebook = Callable[..., Awaitable[NotebookPage]]
LaunchChromium = Callable[..., Awaitable[Browser]]

pytestmark = pytest.mark.soak

NO_UDP = "--webrtc-ip-handling-policy=disable_non_proxied_udp"
NO_CODECS = (
    "for (const name of ['VideoEncoder', 'AudioEncoder', 'VideoDecoder', 'AudioDecoder']) delete window[name]"
)
LAB = "from smallrtc_lab import Lab\nlab = Lab(screen=True, webrtc=False)\nlab"
RETURNED = """
@lab.on_video
def inverted(frame):
    return 255 - frame.image

@lab.on_audio
def half(chunk):
    return chunk.samples * 0.5
"""
BUSY = """async () => {
  for (let n = 0; n < 4; n++) {
    const until = performance.now() + 1500
    while (performance.now() < until);
    await new Promise(done => setTimeout(done, 500))
  }
}"""
# A camera that is drawn: left red, right blue, of whatever size `drawn` has at the moment
DRAWN = """(() => {
  const canvas = document.createElement('canvas')
  window.drawn = size => { [canvas.width, canvas.height] = size }
  drawn([641, 361])
  const pen = canvas.getContext('2d')
  setInterval(() => {
    pen.fillStyle = '#c82828'
    pen.fillRect(0, 0, canvas.width, canvas.height)
    pen.fillStyle = '#3246c8'
    pen.fillRect(canvas.width / 2, 0, canvas.width, canvas.height)
  }, 40)
  const open = navigator.mediaDevices.getUserMedia
  navigator.mediaDevices.getUserMedia = async function (wanted) {
    const stream = await open.call(this, wanted)
    if (!wanted.video) return stream
    for (const track of stream.getVideoTracks()) track.stop()
    return new MediaStream([...stream.getAudioTracks(), ...canvas.captureStream(25).getVideoTracks()])
  }
})()"""
SIZES = ((641, 361), (360, 640), (1920, 1080), (322, 242))


TITLES = {"camera", "microphone", "screen", "sent picture", "sent sound"}
PATHS = "[str(path) for path in recording.paths]"


def tracks_of(paths: list[str]) -> dict[str, int]:
    """How many frames each track of a recording has, by its title, in all of its files."""
    counts: dict[str, int] = {}
    for path in paths:
        with av.open(path) as container:
            for packet in container.demux():
                title = packet.stream.metadata.get("title", "")
                counts[title] = counts.get(title, 0) + len(packet.decode())
    return counts


@pytest.mark.timeout(600)
@pytest.mark.parametrize("codecs", [True, False], ids=["webcodecs", "photographs"])
async def test_screen_recordings_and_a_busy_page(
    open_notebook: OpenNotebook, launch_chromium: LaunchChromium, tmp_path: Path, codecs: bool
) -> None:
    """Camera, screen, microphone and what Python returns are in a recording; a busy page costs no sound."""
    notebook = await open_notebook([LAB, RETURNED], browser=await launch_chromium(NO_UDP))
    if not codecs:
        await notebook.page.evaluate(NO_CODECS)
    await notebook.run(0)
    assert (await notebook.run(1)).error is None
    view = LabView(notebook, 0)
    await view.start()
    kernel = await notebook.kernel()
    await kernel.wait_value("lab.route == 'relay'")
    await wait_video_frames(view.returned, 5)
    await view.press("Share a screen")
    await kernel.wait_value("lab.stats()['video']['screen']['received'] > 5")
    print("screen", await kernel.value("lab.screen.latest().image.shape"))
    path = tmp_path / "all.mkv"
    await kernel.execute(f"recording = lab.record({str(path)!r}, what='both')")
    await kernel.wait_value("recording.duration_s > 4")
    async with asyncio.timeout(120):  # a page that is starved sends keyframes late: the next file has them
        while not set(tracks_of(await kernel.value(PATHS))) >= TITLES:
            await asyncio.sleep(2)
    await kernel.execute("recording.stop()")
    found = tracks_of(await kernel.value(PATHS))
    print(found, await kernel.value(f"({PATHS}, recording.note)"))
    assert min(found.values()) > 0
    await view.press("Stop sharing the screen")
    await no_gap_while_busy(notebook, kernel)
    assert await view.state() == "live"
    assert notebook.page_errors == []


async def no_gap_while_busy(notebook: NotebookPage, kernel: Kernel) -> None:
    """The page's own thread stands still for 1.5 s at a time."""
    await notebook.page.evaluate(BUSY)
    await asyncio.sleep(1)
    await kernel.execute("clip = lab.audio.last(8)")
    missing_s = await kernel.value("sum(gap.duration_s for gap in clip.gaps)")
    hz, _ = tone_of(await kernel.array("lab.audio.last(1).mono"), 48000)
    print(f"{missing_s:.2f} s of sound missing of eight while the page was busy for six")
    assert hz == pytest.approx(TONE_HZ, abs=2)
    assert missing_s < 6  # of the eight; the goal is none, and a starved machine loses some
    assert await kernel.value("lab.state == 'live' and lab.route == 'relay'")


@pytest.mark.timeout(600)
async def test_a_camera_of_any_size_and_one_that_turns(
    open_notebook: OpenNotebook, launch_chromium: LaunchChromium
) -> None:
    """Odd numbers of pixels, upright, 1920 wide, small: each arrives in its colours, and nothing is made twice."""
    notebook = await open_notebook([LAB, RETURNED], browser=await launch_chromium(NO_UDP))
    await notebook.page.evaluate(DRAWN)
    await notebook.run(0)
    assert (await notebook.run(1)).error is None
    await LabView(notebook, 0).start()
    kernel = await notebook.kernel()
    await kernel.wait_value("lab.stats()['video']['camera']['received'] > 0")
    for width, height in SIZES:
        await notebook.page.evaluate("size => drawn(size)", [width, height])
        shape = f"(lambda s: abs(s[1] * {height} - s[0] * {width}) < 2 * {width} + 2 * {height})"
        await kernel.wait_value(f"{shape}(lab.video.latest(size='native').image.shape)")
        image: Any = await kernel.array("lab.video.latest(size='native').image")
        print((width, height), "came as", image.shape)
        half, across = image.shape[1] // 2, image.shape[1] // 10
        assert np.allclose(image[:, : half - across].mean(axis=(0, 1)), (200, 40, 40), atol=15)
        assert np.allclose(image[:, half + across :].mean(axis=(0, 1)), (50, 70, 200), atol=15)
    assert not [line for line in notebook.console if "VideoFrame" in line or "encoder" in line]
    assert notebook.page_errors == []


MINUTES = 5
HEAP_BYTES = "performance.memory.usedJSHeapSize"


@pytest.mark.timeout(900)
async def test_the_page_does_not_grow(open_notebook: OpenNotebook, launch_chromium: LaunchChromium) -> None:
    """Five minutes both ways: the page's memory, collected, is what it was after the first half minute."""
    browser = await launch_chromium(NO_UDP, "--enable-precise-memory-info")
    notebook = await open_notebook([LAB, RETURNED], browser=browser)
    await notebook.run(0)
    assert (await notebook.run(1)).error is None
    await LabView(notebook, 0).start()
    inside = await notebook.context.new_cdp_session(notebook.page)
    sizes = []
    for _ in range(2 * MINUTES + 1):
        await asyncio.sleep(30)
        await inside.send("HeapProfiler.collectGarbage")
        sizes.append(await notebook.evaluate_quietly(HEAP_BYTES) / 1e6)
    print("MB of the page's heap, every half minute:", [round(size, 1) for size in sizes])
    assert not [line for line in notebook.console if "VideoFrame" in line]
    assert sizes[-1] < sizes[0] + 15
