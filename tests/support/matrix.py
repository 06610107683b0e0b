"""The ground of the matrix of networks: a real JupyterLab on one host, a real browser on another, and what came of it.

async with ground.open(LAB, browser="Firefox", host="a") as page:
    outcome = await page.begin("UDP dropped")
    await outcome.carried_by(page, "relay")
    ...
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import itertools
import json
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from playwright.async_api import Playwright

from .jupyter import JupyterServer
from .kernel import Kernel
from .knownmedia import TONE_AMPLITUDE, TONE_HZ, KnownMedia, picture_error, tone_of
from .matrixnet import Internet
from .matrixtabs import Chromium, FirefoxOnHost, OnHost, Tab
from .matrixtunnel import tunnel
from .pagescripts import CELL_OUTPUTS, KERNEL_ID, KERNEL_IDLE, RUN_CELL, VIDEO_PNG

__all__ = ["LAB", "Ground", "LabPage", "lab_cell"]

ROOT = "document.querySelector('.smallrtc-lab')"
STATUS = f"{ROOT}.querySelector('.srl-status-text').textContent"
RETURNED = f"{ROOT}.querySelector('video[aria-label=\"From Python\"]')"
PANELS = f"[...{ROOT}.querySelectorAll('.srl-panel')].map(one => one.innerText)"
WATCH_CLICK = (
    f"void {ROOT}.addEventListener('click', () => {{ window.smallrtcClicked = Date.now() }}, "
    "{ capture: true })"
)
FIREFOX_HZ = 1000.0
PAINTED = (200, 40, 40), (50, 70, 200)
CELL = """
import time
import numpy as np
from smallrtc_lab import Lab
lab = Lab({options})
times, got = [], []

@lab.watch_video
def came(frame):
    times.append(time.time())

@lab.on_message
def heard(message):
    got.append(message)
    lab.send_message(message)

@lab.on_video
def painted(frame):
    out = 255 - frame.image
    if {painted}:
        middle = out.shape[1] // 2
        out[:, :middle], out[:, middle:] = {left}, {right}
    return out

lab
"""
PAIR = """(async () => {
  const peer = smallrtcSeen.peers.at(-1)
  const reports = peer ? [...(await peer.getStats()).values()] : []
  const chosen = reports.find(one => one.type === 'transport' && one.selectedCandidatePairId)?.selectedCandidatePairId
  const pair = reports.find(one => one.type === 'candidate-pair' &&
    (chosen ? one.id === chosen : one.selected || (one.nominated && one.state === 'succeeded')))
  const end = key => reports.find(one => one.id === pair?.[key])
  const [local, remote] = [end('localCandidateId'), end('remoteCandidateId')]
  return local && remote ? [local.candidateType, remote.candidateType, local.relayProtocol ?? local.protocol] : null
})()"""
# How many pictures the returned one is behind the camera's own, each time one is shown: both count in their strip.
BEHIND = """(async () => {
  const root = ROOT
  const canvas = new OffscreenCanvas(80, 60), pen = canvas.getContext('2d', { willReadFrequently: true })
  const read = (video, white) => {
    pen.drawImage(video, 0, 0, 80, 60)
    const cells = [...Array(8).keys()].map(i => white === pen.getImageData(i * 10 + 5, 54, 1, 1).data[1] > 128)
    const bits = cells.slice(0, 6)
    if (!cells[7] || cells[6] !== (bits.filter(Boolean).length % 2 === 1)) return null
    return bits.reduce((sum, bit) => 2 * sum + bit, 0)
  }
  const mine = root.querySelector('video[aria-label="Camera"]'), returned = RETURNED
  const found = [], until = performance.now() + 20000
  while (found.length < 40 && performance.now() < until) {
    await new Promise(done => { returned.requestVideoFrameCallback(done); setTimeout(done, 1000) })
    const [now, then] = [read(mine, true), read(returned, false)]
    if (now !== null && then !== null) found.push((now - then + 64) % 64)
  }
  return found
})()""".replace("ROOT", ROOT).replace("RETURNED", RETURNED)


def lab_cell(options: str = "", *, painted: bool = False) -> str:
    """A cell with a Lab: it notes when pictures come, echoes messages, returns negatives or two fields of colour."""
    return CELL.format(options=options, painted=painted, left=PAINTED[0], right=PAINTED[1])


LAB = lab_cell()


@dataclass
class LabPage:
    """A notebook with one Lab, open in a browser on some host, and a client of its kernel."""

    tab: Tab
    kernel: Kernel
    browser: OnHost

    async def run(self, index: int = 0, timeout_s: float = 120.0) -> None:
        """Run a cell to its end."""
        await self.tab.evaluate(f"({RUN_CELL})({index})")
        await self.tab.wait_true(f"window.smallrtcRuns?.[{index}] === 'done'", timeout_s)
        said = json.loads(await self.tab.evaluate(f"({CELL_OUTPUTS})({index})"))["outputs"]
        errors = [one for one in said if one["output_type"] == "error"]
        assert not errors, errors[0]["evalue"]

    async def press(self, name: str) -> None:
        """Click the widget's button of this name."""
        buttons = f"[...{ROOT}.querySelectorAll('button')]"
        button = (
            f"{buttons}.find(one => (one.getAttribute('aria-label') ?? one.textContent.trim()) === '{name}')"
        )
        await self.tab.click(button)

    async def wait(self, name: str, value: str, timeout_s: float = 60.0) -> float:
        """Wait until the widget's `data-` attribute has this value; the seconds that took."""
        return await self.tab.wait_true(f"{ROOT}?.getAttribute('data-{name}') === '{value}'", timeout_s)

    async def start(self) -> float:
        """Run the first cell and click Start; the seconds from the click to the first picture in Python."""
        await self.run()
        return await self.click_start()

    async def click_start(self) -> float:
        """Click Start of a Lab that is shown; the seconds from there to the first picture in Python."""
        await self.wait("link", "open")
        await self.tab.evaluate(WATCH_CLICK)
        await self.kernel.execute("times.clear()")
        await self.press("Start")
        await self.kernel.wait_value("len(times) > 0", timeout_s=60)
        clicked_ms = await self.tab.evaluate("window.smallrtcClicked")
        return float(await self.kernel.value("times[0]")) - clicked_ms / 1000

    async def wait_route(self, route: str, timeout_s: float = 60.0) -> None:
        """Wait until this way carries, and page and Python say so."""
        await self.kernel.wait_value(f"lab.state == 'live' and lab.route == '{route}'", timeout_s=timeout_s)
        await self.wait("state", "live", timeout_s)

    async def status(self) -> str:
        """The status line."""
        return str(await self.tab.evaluate(STATUS)).replace("\u00a0", " ")

    async def wait_status(self, text: str, timeout_s: float = 60.0) -> str:
        """Wait until the status line has this in it; the line."""
        await self.tab.wait_true(f"{STATUS}.includes({text!r})", timeout_s)
        return await self.status()

    async def panels(self) -> list[str]:
        """The texts of all panels: problems, with what to do."""
        return [text.replace("\u00a0", " ") for text in await self.tab.evaluate(PANELS)]

    async def wait_panel(self, text: str, timeout_s: float = 60.0) -> None:
        """Wait for a panel that says this."""
        await self.tab.wait_true(f"{PANELS}.some(one => one.includes({text!r}))", timeout_s)

    async def pair(self) -> list[str] | None:
        """Of the pair of candidates in use: the browser's kind, Python's, and UDP or the way to a TURN server."""
        found = await self.tab.evaluate(PAIR)
        return None if found is None else [str(word).lower() for word in found]

    async def returned_image(self) -> NDArray[np.uint8]:
        """What the page shows as Python's, (H, W, 3)."""
        await self.tab.wait_true(f"!!{RETURNED} && {RETURNED}.videoWidth > 0 && !{RETURNED}.paused")
        png = await self.tab.evaluate(f"({VIDEO_PNG})({RETURNED})")
        with Image.open(io.BytesIO(base64.b64decode(png))) as image:
            return np.asarray(image.convert("RGB"))

    async def check_media(
        self, *, within: float = 12.0, known: bool | None = None, tone_hz: float | None = None
    ) -> None:
        """The right colours and tone in Python, and the right picture back; AssertionError, or TimeoutError, else.

        `known=False`: the page does not send its camera's picture; `tone_hz` is sent in the microphone's place.
        """
        known = self.browser.known_picture if known is None else known
        count = await self.kernel.value("len(times)")
        await self.kernel.wait_value(f"len(times) > {count + 10}", timeout_s=60)
        if known:
            error = picture_error(await self.kernel.array("lab.video.latest().image"))
            print(f"picture in Python: mean error {error:.2f} of 255")
            assert error < within
        await self.kernel.execute("clip = lab.audio.record(1)", timeout_s=90)
        hz, amplitude = tone_of(await self.kernel.array("clip.mono"), 48000)
        print(f"{hz:.1f} Hz, amplitude {amplitude:.3f}, gaps {await self.kernel.value('len(clip.gaps)')}")
        wanted_hz = tone_hz or (TONE_HZ if self.browser.known_picture else FIREFOX_HZ)
        assert abs(hz - wanted_hz) < 3
        assert amplitude > (TONE_AMPLITUDE / 2 if known else 0.02)
        await self.check_returned(known=known, within=within)

    async def check_returned(self, *, known: bool, within: float) -> None:
        """Once the encoder has settled, the returned picture is the camera's negative, or two fields of colour."""
        error = 255.0
        async with asyncio.timeout(60):
            while error >= within:
                await asyncio.sleep(0.2)
                image = await self.returned_image()
                error = picture_error(255 - image) if known else fields_error(image)
        print(f"returned picture: mean error {error:.2f}")

    async def there_and_back_ms(self) -> float | None:
        """From the camera's preview to the same picture back from Python, median; None where no picture is known."""
        if not self.browser.known_picture:
            return None
        behind = await self.tab.evaluate(BEHIND)
        return float(np.median(behind)) * 1000 / 30 if behind else None


def fields_error(image: NDArray[np.uint8]) -> float:
    """The mean error of the two fields of colour."""
    width = image.shape[1]
    left, right = image[:, : width * 2 // 5], image[:, width * 3 // 5 :]
    means = np.array([left.mean((0, 1)), right.mean((0, 1))])
    return float(np.abs(means - np.array(PAINTED)).mean())


class Ground:
    """A JupyterLab on host b of an internet, which a page on host a (or b) reaches at its own loopback address.

    So is it with ``ssh -L``, and a page may use a camera there. Media find their way themselves.
    """

    def __init__(self, internet: Internet, playwright: Playwright, media: KnownMedia, results: Path) -> None:
        self.internet = internet
        self.playwright = playwright
        self.media = media
        self.results = results
        self.count = itertools.count(1)
        self.browsers: dict[tuple[str, str], OnHost] = {}
        self.stack = contextlib.ExitStack()
        # sockets of kernels lie in it: their paths must be short, and any host reaches them
        self.directory = Path(self.stack.enter_context(tempfile.TemporaryDirectory(prefix="srl")))
        self.server = JupyterServer(
            self.directory / "j", arguments=("--KernelManager.transport=ipc",), enter=internet.b.enter
        )

    def start(self) -> Ground:
        """Start the server."""
        self.stack.enter_context(tunnel(None, self.internet.b, self.server.port))
        self.stack.enter_context(tunnel(self.internet.a, self.internet.b, self.server.port))
        self.server.start()
        return self

    def browser(self, name: str, host: str) -> OnHost:
        """Chromium or Firefox on that host."""
        if (name, host) not in self.browsers:
            place = self.internet.hosts[host]
            self.browsers[name, host] = (
                Chromium(self.playwright, place, self.media, self.directory)
                if name == "Chromium"
                else FirefoxOnHost(place, self.directory)
            )
        return self.browsers[name, host]

    @contextlib.asynccontextmanager
    async def open(
        self,
        *cells: str,
        browser: str = "Chromium",
        host: str = "a",
        accept: bool = True,
        arguments: tuple[str, ...] = (),
        port: int | None = None,
    ) -> AsyncIterator[LabPage]:
        """A notebook of these cells in a new page there, with a kernel of its own; both end with the block.

        `arguments` are Chromium's; `port` is that of the server in the page's address, where it is another.
        """
        name = f"matrix{next(self.count)}"
        path = self.server.write_notebook(f"{name}.ipynb", list(cells))
        place = self.server.url.replace(str(self.server.port), str(port or self.server.port))
        url = f"{place}lab/workspaces/{name}/tree/{path}?token={self.server.token}"
        chosen = self.browser(browser, host)
        async with contextlib.AsyncExitStack() as stack:
            tab = await stack.enter_async_context(chosen.open(url, accept=accept, arguments=arguments))
            try:
                await tab.wait_true(f"({KERNEL_IDLE})()", 120)
                kernel = await self.server.connect(await tab.evaluate(KERNEL_ID))
                stack.push_async_callback(self.server.request, "DELETE", f"api/kernels/{kernel.id}")
                stack.push_async_callback(kernel.close)
                yield LabPage(tab, kernel, chosen)
            except BaseException:
                await tab.screenshot(self.results / f"{name}-{browser}.png")
                (self.results / f"{name}-{browser}.log").write_text(self.server.log())
                raise

    async def close(self) -> list[str]:
        """End everything; what had to be killed."""
        for browser in self.browsers.values():
            await browser.close()
        left = await asyncio.to_thread(self.server.stop)
        self.stack.close()
        return left
