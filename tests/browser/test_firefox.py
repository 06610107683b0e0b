"""Firefox in a real JupyterLab: its fake camera and microphone are arrays in Python, and what returns arrives."""

from __future__ import annotations

import base64
import io
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from numpy.typing import NDArray
from PIL import Image
from support.firefox import PREFERENCES, Firefox, FirefoxPage
from support.jupyter import JupyterServer
from support.kernel import Kernel
from support.knownmedia import tone_of
from support.labview import WATCH_MEDIA
from support.pagescripts import KERNEL_ID, KERNEL_IDLE, RUN_CELL, VIDEO_PNG

LAB = "from smallrtc_lab import Lab\nlab = Lab()\nlab"
ROOT = "document.querySelector('.smallrtc-lab')"
STATUS = f"{ROOT}.querySelector('.srl-status-text').textContent"


@dataclass
class FirefoxNotebook:
    """A notebook open in JupyterLab in Firefox, its one widget, and a client of its kernel."""

    page: FirefoxPage
    kernel: Kernel

    async def run(self, index: int, timeout_s: float = 120.0) -> None:
        """Run a cell to its end."""
        await self.page.evaluate(f"({RUN_CELL})({index})")
        await self.page.wait_true(f"window.smallrtcRuns?.[{index}] === 'done'", timeout_s)

    async def press(self, name: str) -> None:
        """Click the widget's button of this name."""
        buttons = f"[...{ROOT}.querySelectorAll('button')]"
        await self.page.click(
            f"{buttons}.find(one => (one.getAttribute('aria-label') ?? one.textContent.trim()) === '{name}')"
        )

    async def wait(self, name: str, value: str, timeout_s: float = 60.0) -> float:
        """Wait until the widget's `data-` attribute has this value; the seconds that took."""
        return await self.page.wait_true(f"{ROOT}?.getAttribute('data-{name}') === '{value}'", timeout_s)


OpenFirefox = Callable[..., Awaitable[FirefoxNotebook]]


@pytest_asyncio.fixture(loop_scope="session")
async def open_firefox(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    jupyter: JupyterServer,
    results_dir: Path,
    failed: Callable[[], bool],
) -> AsyncIterator[OpenFirefox]:
    """A function that opens a notebook in a Firefox of its own: `await open_firefox(cells, accept=True)`."""
    opened: list[tuple[Firefox, FirefoxNotebook]] = []
    name = re.sub(r"\W+", "-", request.node.name)

    async def open_one(cells: list[str], *, accept: bool = True) -> FirefoxNotebook:
        firefox = await Firefox(tmp_path / "firefox", accept=accept).start()
        await firefox.call("script.addPreloadScript", functionDeclaration=f"() => {{ {WATCH_MEDIA} }}")
        path = jupyter.write_notebook(f"{name}.ipynb", cells)
        page = await firefox.open(f"{jupyter.url}lab/workspaces/{name}/tree/{path}?token={jupyter.token}")
        await page.wait_true(f"({KERNEL_IDLE})()", 120)
        notebook = FirefoxNotebook(page, await jupyter.connect(await page.evaluate(KERNEL_ID)))
        opened.append((firefox, notebook))
        return notebook

    yield open_one
    for firefox, notebook in opened:
        if failed():
            await notebook.page.screenshot(results_dir / f"{name}.png")
        await notebook.kernel.close()
        await firefox.close()
        await jupyter.request("DELETE", f"api/kernels/{notebook.kernel.id}")


DECODED = """smallrtcSeen.peers.at(-1).getStats().then(reports =>
  [...reports.values()].find(one => one.type === 'inbound-rtp' && one.kind === 'video')?.framesDecoded ?? 0)"""


async def returned_picture(notebook: FirefoxNotebook) -> NDArray[np.uint8]:
    """The picture that the page shows as Python's, (H, W, 3)."""
    video = f"{ROOT}.querySelector('video[aria-label=\"From Python\"]')"
    await notebook.page.wait_true(f"!!{video} && {video}.videoWidth > 0 && !{video}.paused")
    await notebook.page.wait_true(
        f"{DECODED}.then(count => count > 45)"
    )  # the encoder's first pictures are coarse
    png = await notebook.page.evaluate(f"({VIDEO_PNG})({video})")
    with Image.open(io.BytesIO(base64.b64decode(png))) as image:
        return np.asarray(image.convert("RGB"))


SPLIT = """
import numpy as np

@lab.on_video
def split(frame):
    out = np.empty_like(frame.image)
    out[:, :320], out[:, 320:] = (200, 40, 40), (50, 70, 200)
    return out
"""


HALF = """
@lab.on_audio
def half(chunk):
    return chunk.samples * 0.5
"""
TONE_HZ = 1000
HEARD = """async stream => {
  const context = new AudioContext()
  const analyser = new AnalyserNode(context, { fftSize: 32768, smoothingTimeConstant: 0 })
  context.createMediaStreamSource(stream).connect(analyser)
  await new Promise(done => setTimeout(done, 2000))
  const samples = new Float32Array(analyser.fftSize), bins = new Float32Array(analyser.frequencyBinCount)
  analyser.getFloatTimeDomainData(samples)
  analyser.getFloatFrequencyData(bins)
  const hz = bins.indexOf(Math.max(...bins)) * context.sampleRate / analyser.fftSize
  await context.close()
  return [hz, Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length)]
}"""


async def devices_are_offered(notebook: FirefoxNotebook) -> None:
    """The pickers name the devices in use; a screen, which a headless Firefox has not, is said to be missing."""
    await notebook.press("Devices")
    pickers = f"[...{ROOT}.querySelectorAll('.srl-settings select')].filter(one => one.checkVisibility())"
    named = await notebook.page.evaluate(
        f"{pickers}.map(one => [one.labels[0].textContent, one.selectedOptions[0].label])"
    )
    print(f"pickers: {named}")
    assert {"Camera", "Microphone"} <= {kind for kind, _ in named}
    assert all(label for _, label in named)
    await notebook.press("Share a screen")
    await notebook.page.wait_true(f"{ROOT}.innerText.includes('no screen or window')", 20)
    assert await notebook.page.evaluate("smallrtcSeen.requests.at(-1)") == "getDisplayMedia"
    await notebook.press("Dismiss")
    assert await notebook.page.evaluate(f"{ROOT}.dataset.state") == "live"


async def test_camera_and_tone_reach_python_and_a_picture_returns(
    open_firefox: OpenFirefox, results_dir: Path
) -> None:
    """One click: moving pictures and a steady tone in Python, the returned picture in the page, and Stop ends all."""
    notebook = await open_firefox([LAB.replace("Lab()", "Lab(screen=True)"), SPLIT, HALF])
    await notebook.run(0)
    await notebook.wait("link", "open")
    begun = time.monotonic()
    await notebook.press("Start")
    await notebook.wait("state", "live")
    print(f"Firefox: click → live {time.monotonic() - begun:.2f} s: {await notebook.page.evaluate(STATUS)}")
    kernel = notebook.kernel
    await kernel.wait_value("lab.state == 'live'")
    images = await kernel.array("lab.video.grab(30, every=2).images[:, ::8, ::8]")
    moved = np.abs(np.diff(images.astype(float), axis=0)).mean()
    samples = await kernel.array("lab.audio.record(1).mono", 60)
    hz, amplitude = tone_of(samples, 48000)
    rate_hz = await kernel.value("lab.fps")
    print(
        f"pictures {images.shape}, {rate_hz} a second, change {moved:.2f} of 255; tone {hz:.1f} Hz, {amplitude:.3f}"
    )
    assert images.shape[1:] == (60, 80, 3)
    assert moved > 0.1
    assert rate_hz > 0
    assert amplitude > 0.01
    rms = float(np.sqrt(np.mean(samples**2)))
    assert amplitude / np.sqrt(2) == pytest.approx(rms, rel=0.2)
    assert await kernel.value("lab.stats()['audio']['loss']") < 0.1

    await notebook.run(1)
    picture = await returned_picture(notebook)
    left, right = picture[100:300, 100:200].mean((0, 1)), picture[100:300, 450:550].mean((0, 1))
    print(f"returned: left {left.round()}, right {right.round()}")
    assert left == pytest.approx((200, 40, 40), abs=10)
    assert right == pytest.approx((50, 70, 200), abs=10)
    meter = f"{ROOT}.querySelector('.srl-level-bar').style.transform"
    await notebook.page.wait_true(f"parseFloat({meter}.slice(7)) > 0.5")  # -23 dB of 60
    await notebook.run(2)
    await notebook.page.wait_true(f"{ROOT}.querySelector('[data-action=listen]').disabled === false")
    await notebook.press("Listen to the sound Python returns")
    await notebook.page.wait_true(
        f"{ROOT}.querySelector('[data-action=listen]').getAttribute('aria-pressed') === 'true'"
    )
    hz, rms = await notebook.page.evaluate(f"({HEARD})({ROOT}.lab.heard)")
    print(f"heard after Listen: {hz:.1f} Hz, RMS {rms:.3f}")
    assert hz == pytest.approx(TONE_HZ, abs=10)
    assert rms == pytest.approx(0.05 / np.sqrt(2), rel=0.15)
    await notebook.page.screenshot(results_dir / "firefox-live.png")
    await devices_are_offered(notebook)
    await notebook.press("Stop")
    await notebook.wait("state", "idle")
    live = "smallrtcSeen.tracks.filter(track => track.readyState === 'live').length"
    assert await notebook.page.evaluate(live) == 0
    await kernel.wait_value("lab.state == 'idle'")


RECEIVE_ONLY = """
from smallrtc_lab import Lab
lab = Lab(audio=False, video=False)
got = []

@lab.on_message
def take(message):
    got.append(message)

lab
"""


async def test_a_session_that_only_receives_connects_without_permission(open_firefox: OpenFirefox) -> None:
    """No permission, so `.local` candidates only: it connects at once, messages pass and no device was asked for."""
    notebook = await open_firefox([RECEIVE_ONLY], accept=False)
    await notebook.run(0)
    await notebook.wait("link", "open")
    begun = time.monotonic()
    await notebook.press("Start")
    await notebook.wait("state", "live")
    took_s = time.monotonic() - begun
    candidates = await notebook.page.evaluate(
        "smallrtcSeen.peers.at(-1).localDescription.sdp.match(/^a=candidate.*$/gm).join(' ')"
    )
    print(
        f"Firefox, receive-only: live after {took_s:.2f} s with {candidates.count('.local')} .local candidates"
    )
    assert ".local" in candidates
    await notebook.page.evaluate(f"{ROOT}.lab.send({{ hello: 'python' }})")
    await notebook.kernel.wait_value("got == [{'hello': 'python'}]")
    told = await notebook.kernel.value("[(d := lab.diagnose()).verdict, repr(d)]")
    assert told[0].startswith("Live: media go directly")
    assert "Firefox" in told[1]
    assert "✓ pairs tried by the page" in told[1]
    assert await notebook.page.evaluate("smallrtcSeen.requests") == []


@pytest.mark.soak
async def test_firefox_without_a_path_goes_through_jupyter(
    open_firefox: OpenFirefox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where WebRTC may use relays only and there is none: picture, tone and what Python returns, by WebCodecs."""
    monkeypatch.setitem(PREFERENCES, "media.peerconnection.ice.relay_only", True)
    notebook = await open_firefox([LAB, SPLIT, HALF])
    await notebook.run(0)
    await notebook.wait("link", "open")
    await notebook.press("Start")
    print(f"click → live through Jupyter {await notebook.wait('state', 'live'):.2f} s")
    await notebook.kernel.wait_value("lab.route == 'relay'")
    await notebook.kernel.wait_value("lab.stats()['video']['camera']['received'] > 30")
    await notebook.kernel.execute("clip = lab.audio.record(1)")
    hz, _ = tone_of(await notebook.kernel.array("clip.mono"), 48000)
    assert hz == pytest.approx(TONE_HZ, abs=2)
    await notebook.run(1)
    await notebook.run(2)
    video = f"{ROOT}.querySelector('video[aria-label=\"From Python\"]')"
    await notebook.page.wait_true(f"!!{video} && {video}.videoWidth > 0 && !{video}.paused")
    await notebook.kernel.wait_value("lab.stats()['connection']['video']['frames_sent'] > 45")
    png = await notebook.page.evaluate(f"({VIDEO_PNG})({video})")
    with Image.open(io.BytesIO(base64.b64decode(png))) as image:
        seen = np.asarray(image.convert("RGB"))
    assert np.allclose(seen[:, :300].mean(axis=(0, 1)), (200, 40, 40), atol=12)
    assert np.allclose(seen[:, 340:].mean(axis=(0, 1)), (50, 70, 200), atol=12)
    assert "through Jupyter" in await notebook.page.evaluate(STATUS)
