"""A notebook open in a real JupyterLab page: run cells, read what they show, click the widget, see its video.

Nothing here counts as a gesture of the person but clicks, key presses and the functions that look into media
elements.
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
import re
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from playwright.async_api import BrowserContext, Locator, Page, expect

from .jupyter import JupyterServer
from .kernel import Kernel, KernelError
from .pagescripts import (
    CELL_OUTPUTS,
    KERNEL_ID,
    KERNEL_IDLE,
    RESTART_KERNEL,
    RUN_CELL,
    SAMPLE_VIDEO,
    SELECT_CELL,
    TONE,
    VIDEO_PNG,
    WAIT_FRAMES,
)

__all__ = [
    "CellOutput",
    "NotebookPage",
    "Tone",
    "measure_tone",
    "sample_video",
    "saved_text",
    "video_image",
    "wait_video_frames",
]

ANSI = re.compile(r"\x1b\[[0-9;]*m")


def saved_text(notebook: dict[str, Any]) -> str:
    """A saved notebook as JSON, without the front end's own program, which speaks of pictures and sounds."""
    kept = json.loads(json.dumps(notebook))
    for view in kept.get("metadata", {}).get("widgets", {}).values():
        for model in view.get("state", {}).values():
            model.get("state", {}).pop("_esm", None)
    return json.dumps(kept)


@dataclass(frozen=True)
class CellOutput:
    """What the page's model holds for one code cell: `outputs` as in the notebook format."""

    execution_count: int | None
    outputs: list[dict[str, Any]]

    @property
    def text(self) -> str:
        """Printed lines and `text/plain` of what was shown, joined."""
        parts = []
        for output in self.outputs:
            plain = output.get("data", {}).get("text/plain", "")
            parts.append("".join(output.get("text", "")) + "".join(plain))
        return "".join(parts)

    @property
    def error(self) -> KernelError | None:
        """The exception the cell ended with, its traceback without colours."""
        for output in self.outputs:
            if output["output_type"] == "error":
                traceback = ANSI.sub("", "\n".join(output["traceback"]))
                return KernelError(output["ename"], output["evalue"], traceback)
        return None


@dataclass(frozen=True)
class Tone:
    """The strongest sine in a media element's stream, and whether the element would let a person hear it."""

    hz: float
    rms: float
    muted: bool
    paused: bool
    volume: float


@dataclass
class NotebookPage:
    """One page of JupyterLab with one notebook; made by the fixture `open_notebook`.

    `page` is Playwright's, for everything not offered here. `console` and `page_errors` collect what the page
    said. `host` stands for the server in the address bar, when it is not 127.0.0.1.
    """

    server: JupyterServer
    context: BrowserContext
    page: Page
    path: str
    results: Path
    host: str | None = None
    console: list[str] = field(default_factory=list)
    page_errors: list[str] = field(default_factory=list)
    kernels: list[Kernel] = field(default_factory=list)

    def watch(self) -> None:
        """Collect what the page logs and throws, from now on."""
        self.page.on("console", lambda message: self.console.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.page_errors.append(str(error)))

    async def open(self, timeout_s: float = 120.0) -> NotebookPage:
        """Go to the notebook, in a workspace of its own, and wait until its kernel is idle."""
        workspace = (
            self.path.replace("/", "-").removesuffix(".ipynb") + "-" + self.server.token[:6] + str(id(self))
        )
        place = self.server.url.replace("127.0.0.1", self.host or "127.0.0.1")
        url = f"{place}lab/workspaces/{workspace}/tree/{self.path}?token={self.server.token}"
        await self.page.goto(url)
        await self.wait_kernel(timeout_s)
        return self

    async def wait_kernel(self, timeout_s: float = 120.0) -> None:
        """Wait until the notebook is the current tab and its kernel is idle."""
        await self.wait_true(f"({KERNEL_IDLE})()", timeout_s)

    async def reload(self) -> None:
        """Reload the page, as F5 does, and wait for the kernel."""
        await self.page.reload()
        await self.wait_kernel()

    async def run(self, index: int, timeout_s: float = 60.0) -> CellOutput:
        """Run cell `index` and wait until it ended; TimeoutError else."""
        await self.submit(index)
        return await self.wait_cell(index, timeout_s)

    async def submit(self, index: int) -> None:
        """Run cell `index` and return at once. JupyterLab's own command: a key press can be lost."""
        await self.evaluate_quietly(f"({RUN_CELL})({index})")

    async def wait_cell(self, index: int, timeout_s: float = 60.0) -> CellOutput:
        """Wait until the last submitted run of cell `index` ended."""
        await self.wait_true(f"window.smallrtcRuns?.[{index}] === 'done'", timeout_s)
        return await self.output(index)

    async def press_run(self, index: int, timeout_s: float = 60.0) -> CellOutput:
        """Run cell `index` as a hand does, with a click and Shift+Enter: that is a gesture."""
        before = (await self.output(index)).execution_count
        await self.evaluate_quietly(f"({SELECT_CELL})({index})")
        await self.cell(index).locator(".jp-InputArea-editor .cm-content").first.click()
        await self.page.keyboard.press("Shift+Enter")
        prompt = self.cell(index).locator(".jp-InputArea-prompt").first
        await expect(prompt).to_have_text(re.compile(r"\[\d+\]:"), timeout=timeout_s * 1000)
        await expect(prompt).not_to_have_text(f"[{before}]:", timeout=timeout_s * 1000)
        return await self.output(index)

    async def output(self, index: int) -> CellOutput:
        """What cell `index` shows now, read from the page's model."""
        found = json.loads(await self.evaluate_quietly(f"({CELL_OUTPUTS})({index})"))
        return CellOutput(found["execution_count"], found["outputs"])

    async def text(self, index: int) -> str:
        """The text that cell `index` shows now."""
        return (await self.output(index)).text

    async def wait_text(self, index: int, pattern: str, timeout_s: float = 60.0) -> None:
        """Wait until the *visible* output of cell `index` matches the regular expression `pattern`."""
        area = self.cell(index).locator(".jp-OutputArea")
        await expect(area).to_have_text(re.compile(pattern, re.DOTALL), timeout=timeout_s * 1000)

    def cell(self, index: int) -> Locator:
        """The cell's element."""
        return self.page.locator(f'.jp-Notebook .jp-Cell[data-windowed-list-index="{index}"]')

    def widget(self, index: int) -> Locator:
        """The root of our widget in that cell's output; `.nth(1)` is the second one in it."""
        return self.cell(index).locator(".smallrtc-lab")

    async def click(self, index: int, name: str, timeout_s: float = 60.0) -> None:
        """Click the button called `name` (its accessible name, exact) of the widget in cell `index`."""
        button = self.widget(index).get_by_role("button", name=name, exact=True)
        await button.click(timeout=timeout_s * 1000)

    async def start(self, index: int, timeout_s: float = 60.0) -> None:
        """Click Start."""
        await self.click(index, "Start", timeout_s)

    async def kernel(self) -> Kernel:
        """A client of this notebook's kernel, beside the page's own; closed with the page."""
        kernel = await self.server.connect(str(await self.evaluate_quietly(KERNEL_ID)))
        self.kernels.append(kernel)
        return kernel

    async def restart_kernel(self) -> None:
        """Restart the kernel as the menu does, without its question."""
        await self.evaluate_quietly(RESTART_KERNEL)
        await self.wait_kernel()

    async def submit_restart(self) -> None:
        """The same, without waiting for the new kernel."""
        await self.evaluate_quietly(f"void {RESTART_KERNEL}")

    async def save(self) -> dict[str, Any]:
        """Save the notebook, as Ctrl-S does, and return what lies on the disk."""
        await self.evaluate_quietly("jupyterapp.commands.execute('docmanager:save').then(() => null)")
        return dict(self.server.read_notebook(self.path))

    async def evaluate_quietly(self, expression: str) -> Any:
        """The value of a JavaScript expression, awaited, without counting as a gesture.

        Playwright's own `evaluate` and `wait_for_function` do count, and so hide autoplay faults.
        AssertionError when the expression throws.
        """
        session = await self.context.new_cdp_session(self.page)
        options = {"userGesture": False, "awaitPromise": True, "returnByValue": True}
        answer = await session.send("Runtime.evaluate", {"expression": expression} | options)
        await session.detach()
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    async def wait_true(self, expression: str, timeout_s: float = 60.0) -> None:
        """Ask quietly, ten times a second, until a JavaScript expression is true. TimeoutError else."""
        deadline = time.monotonic() + timeout_s
        while await self.evaluate_quietly(expression) is not True:
            if time.monotonic() > deadline:
                raise TimeoutError(f"after {timeout_s} s not true in the page: {expression}")
            await asyncio.sleep(0.1)

    async def screenshot(self, name: str, target: Locator | None = None) -> Path:
        """Save a picture of the page, or of one element, as `test-results/<name>.png`."""
        path = self.results / f"{name}.png"
        await (target or self.page).screenshot(path=path)
        return path

    async def leave_evidence(self, name: str) -> None:
        """Into `test-results/`: a picture of the page, what it logged, and the server's log."""
        console = "\n".join(["PAGE", *self.console, *self.page_errors, "SERVER", self.server.log()])
        (self.results / f"{name}.log").write_text(console)
        if not self.page.is_closed():
            await self.screenshot(name)

    async def close(self) -> None:
        """Close the page and end its kernel."""
        for kernel in self.kernels:
            await kernel.close()
        await self.context.close()
        for session in (await self.server.request("GET", "api/sessions")).json():
            if session["path"] == self.path:
                await self.server.request("DELETE", f"api/sessions/{session['id']}")


async def sample_video(video: Locator, points: list[tuple[float, float]]) -> list[tuple[int, int, int]]:
    """The RGB colours a `<video>` or `<canvas>` shows at points given as fractions of its width and height.

    Each is the mean of 9×9 pixels. AssertionError when the element shows nothing yet.
    """
    colours = await video.evaluate(SAMPLE_VIDEO, points)
    assert colours is not None, "the video shows nothing yet"
    return [(red, green, blue) for red, green, blue in colours]


async def video_image(video: Locator) -> NDArray[np.uint8]:
    """The picture a `<video>` or `<canvas>` shows, (H, W, 3) uint8 RGB. AssertionError when there is none."""
    png = await video.evaluate(VIDEO_PNG)
    assert png is not None, "the video shows nothing yet"
    with Image.open(io.BytesIO(base64.b64decode(png))) as image:
        return np.asarray(image.convert("RGB"))


async def wait_video_frames(video: Locator, count: int = 3, timeout_s: float = 60.0) -> float:
    """Wait until a `<video>` presented `count` new frames; the seconds that took. TimeoutError else."""
    return float(await video.evaluate(WAIT_FRAMES, [count, timeout_s * 1000]))


async def measure_tone(element: Locator) -> Tone:
    """Listen for 1 s to the stream of an `<audio>` or `<video>`: strongest frequency and RMS."""
    return Tone(**await element.evaluate(TONE))
