"""One tab of Chromium or Firefox with one notebook in JupyterLab, driven in the same few ways; for the pictures."""

from __future__ import annotations

import asyncio
import base64
import io
import time
from typing import Any, Protocol

from PIL import Image
from playwright.async_api import Page
from support.firefox import FirefoxPage
from support.jupyter import JupyterServer
from support.kernel import Kernel
from support.labview import WATCH_MEDIA
from support.pagescripts import KERNEL_ID, KERNEL_IDLE, RUN_CELL

__all__ = ["WIDGET", "ChromiumTab", "FirefoxTab", "Notebook", "Tab"]

WIDGET = "document.querySelector('.smallrtc-lab')"
Box = tuple[float, float, float, float]


class Tab(Protocol):
    """What a picture needs of a browser's tab."""

    async def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression, awaited."""

    async def click(self, element: str) -> None:
        """Click the middle of the element that an expression gives, as a hand does."""

    async def goto(self, url: str) -> None:
        """Load a page."""

    async def reload(self) -> None:
        """Load the same page again."""

    async def picture(self, box: Box) -> Image.Image:
        """What is seen in a box of the viewport: left, top, width and height in CSS pixels."""

    async def to_front(self) -> None:
        """Make it the tab that is seen."""

    async def another(self) -> Tab:
        """Another tab of the same browser and person."""

    async def close(self) -> None:
        """Close it."""


class ChromiumTab:
    """A tab driven by Playwright; each has a context, a person, of its own."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def evaluate(self, expression: str) -> Any:
        return await self.page.evaluate(f"async () => (await ({expression})) ?? null")

    async def click(self, element: str) -> None:
        found = (await self.page.evaluate_handle(element)).as_element()
        assert found is not None, f"nothing to click: {element}"
        await found.click()

    async def goto(self, url: str) -> None:
        await self.page.goto(url)

    async def reload(self) -> None:
        await self.page.reload()

    async def picture(self, box: Box) -> Image.Image:
        clip = dict(zip(("x", "y", "width", "height"), box, strict=True))
        return Image.open(io.BytesIO(await self.page.screenshot(clip=clip)))  # type: ignore[arg-type]

    async def to_front(self) -> None:
        await self.page.bring_to_front()

    async def another(self) -> ChromiumTab:
        return ChromiumTab(await self.page.context.new_page())

    async def close(self) -> None:
        await self.page.context.close()


class FirefoxTab(FirefoxPage):
    """A tab driven by WebDriver BiDi."""

    async def goto(self, url: str) -> None:
        await self.browser.call("browsingContext.navigate", context=self.context, url=url, wait="complete")

    async def reload(self) -> None:
        await self.browser.call("browsingContext.reload", context=self.context, wait="complete")

    async def picture(self, box: Box) -> Image.Image:
        clip = {"type": "box"} | dict(zip(("x", "y", "width", "height"), box, strict=True))
        said = await self.browser.call("browsingContext.captureScreenshot", context=self.context, clip=clip)
        return Image.open(io.BytesIO(base64.b64decode(said["data"])))

    async def to_front(self) -> None:
        await self.browser.call("browsingContext.activate", context=self.context)

    async def another(self) -> FirefoxTab:
        page = await self.browser.open("about:blank")
        return FirefoxTab(self.browser, page.context)

    async def close(self) -> None:
        await self.browser.call("browsingContext.close", context=self.context)


class Notebook:
    """A notebook in a tab, with our widget in its first cell."""

    def __init__(self, tab: Tab, server: JupyterServer, url: str, path: str) -> None:
        self.tab, self.server, self.url, self.path = tab, server, url, path
        self.others: list[Tab] = []

    async def open(self) -> Notebook:
        """Go to the notebook, without JupyterLab's side panel, and wait until its kernel is idle."""
        await self.tab.goto(self.url)
        await self.wait(f"({KERNEL_IDLE})()", 60)
        await self.tab.evaluate("void jupyterapp.shell.collapseLeft()")
        return self

    async def wait(self, expression: str, timeout_s: float = 60.0) -> None:
        """Wait until an expression is true in the page. TimeoutError else."""
        deadline = time.monotonic() + timeout_s
        while await self.tab.evaluate(expression) is not True:
            if time.monotonic() > deadline:
                raise TimeoutError(f"not true after {timeout_s} s: {expression}")
            await asyncio.sleep(0.1)

    async def run(self, index: int) -> None:
        """Run a cell to its end."""
        await self.submit(index)
        await self.wait(f"window.smallrtcRuns?.[{index}] === 'done'", 60)

    async def submit(self, index: int) -> None:
        """Run a cell and go on."""
        await self.tab.evaluate(f"({RUN_CELL})({index})")

    async def press(self, name: str) -> None:
        """Click the widget's button of this name."""
        label = "(one.getAttribute('aria-label') ?? one.textContent.trim())"
        button = f"[...{WIDGET}.querySelectorAll('button')].find(one => {label} === {name!r})"
        await self.wait(f"(found => !!found && !found.disabled && !found.hidden)({button})")
        await self.tab.click(button)

    async def wait_state(self, state: str, timeout_s: float = 60.0) -> None:
        """Wait for the widget's state."""
        await self.wait(f"{WIDGET}?.dataset.state === {state!r}", timeout_s)

    async def show(self) -> None:
        """Run the first cell and wait until the engine is there."""
        await self.tab.evaluate(WATCH_MEDIA)
        await self.run(0)
        await self.wait(f"{WIDGET}?.dataset.link === 'open'")

    async def start(self) -> None:
        """From a shown widget to a live one with a picture."""
        await self.press("Start")
        await self.wait_state("live")
        await self.wait(f"[...{WIDGET}.querySelectorAll('video')].some(one => one.videoWidth > 0)")

    async def second_tab(self) -> Notebook:
        """The same notebook in another tab."""
        tab = await self.tab.another()
        self.others.append(tab)
        return await Notebook(tab, self.server, self.url.replace("/tree/", "-2/tree/"), self.path).open()

    async def kernel(self) -> Kernel:
        """A client of the notebook's kernel."""
        return await self.server.connect(await self.tab.evaluate(KERNEL_ID))

    async def close(self) -> None:
        """Close the tab and end the kernel."""
        for tab in [*self.others, self.tab]:
            await tab.close()
        for session in (await self.server.request("GET", "api/sessions")).json():
            await self.server.request("DELETE", f"api/sessions/{session['id']}")
