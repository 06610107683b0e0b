"""Pictures of every state, to look at and for the documentation: `python scripts/screenshots.py [NAME …]`.

Needs the test extra. A real JupyterLab in a real Chromium, whose camera shows the portrait that matplotlib brings
along (Rear Admiral Grace Hopper, U.S. Navy, public domain). The pictures land in `docs/`.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import matplotlib.cbook
import numpy as np
from PIL import Image
from playwright.async_api import Playwright, async_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]

from support.chromium import launch_chromium  # noqa: E402
from support.jupyter import JupyterServer  # noqa: E402
from support.knownmedia import KnownMedia, make_known_media, yuv420  # noqa: E402
from support.notebookpage import NotebookPage  # noqa: E402

LAB = "from smallrtc_lab import Lab\n\nlab = Lab()\nlab"
EDGES = """
@lab.on_video(controls=dict(threshold=(0, 60)))
def edges(frame, threshold):
    gray = frame.gray.astype(int)
    return abs(gray[2:, 1:-1] - gray[:-2, 1:-1]) + abs(gray[1:-1, 2:] - gray[1:-1, :-2]) > threshold
""".strip()
BROKEN = """
@lab.on_video
def edges(frame):
    return frame.image / 255
""".strip()

State = Callable[[NotebookPage], Awaitable[None]]


def portrait_media(directory: Path) -> KnownMedia:
    """Camera and microphone files; the camera pans slowly over the portrait."""
    media = make_known_media(directory)
    with matplotlib.cbook.get_sample_data("grace_hopper.jpg") as file:
        portrait = Image.open(file).convert("RGB").resize((640, 750))
    with media.camera.open("wb") as file:
        file.write(b"YUV4MPEG2 W640 H480 F30:1 Ip A1:1 C420mpeg2\n")
        for index in range(60):
            top = 20 + round(6 * np.sin(2 * np.pi * index / 60))
            picture = np.asarray(portrait.crop((0, top, 640, top + 480)), np.uint8)
            file.write(b"FRAME\n" + b"".join(plane.tobytes() for plane in yuv420(picture)))
    return replace(media, image=picture)


async def idle(page: NotebookPage) -> None:
    await page.run(0)


async def live(page: NotebookPage) -> None:
    await idle(page)
    await page.start(0)
    kernel = await page.kernel()
    await kernel.wait_value("lab.state", lambda state: state == "live", 20)


async def effect(page: NotebookPage) -> None:
    await live(page)
    await page.run(1)
    await asyncio.sleep(3)


async def error(page: NotebookPage) -> None:
    await live(page)
    await page.run(1)
    await asyncio.sleep(2)


async def refused(page: NotebookPage) -> None:
    await idle(page)
    await page.start(0)
    await asyncio.sleep(2)


PICTURES: dict[str, tuple[list[str], State, dict[str, object]]] = {
    "lab": ([LAB, EDGES], effect, {}),
    "lab-dark": ([LAB, EDGES], effect, {"dark": True}),
    "lab-narrow": ([LAB, EDGES], effect, {"width": 520}),
    "idle": ([LAB], idle, {}),
    "error": ([LAB, BROKEN], error, {}),
    "refused": ([LAB], refused, {"accept": False}),
}


async def take(
    driver: Playwright,
    media: KnownMedia,
    name: str,
    *,
    dark: bool = False,
    width: int = 1000,
    accept: bool = True,
) -> None:
    """One picture, from a server and a browser of its own."""
    cells, state, _ = PICTURES[name]
    with tempfile.TemporaryDirectory() as directory:
        server = JupyterServer(Path(directory) / "jupyter").start()
        browser = await launch_chromium(driver, media, accept=accept)
        try:
            context = await browser.new_context(
                viewport={"width": width, "height": 760}, device_scale_factor=1.5, reduced_motion="reduce"
            )
            path = server.write_notebook("camera.ipynb", cells)
            page = NotebookPage(server, context, await context.new_page(), path, ROOT / "docs")
            await page.open()
            await page.page.evaluate("window.jupyterapp.commands.execute('application:toggle-left-area')")
            if dark:
                theme = "{theme: 'JupyterLab Dark'}"
                await page.page.evaluate(
                    f"window.jupyterapp.commands.execute('apputils:change-theme', {theme})"
                )
            await state(page)
            await page.page.evaluate("document.querySelector('.jp-WindowedPanel-outer').scrollTop = 0")
            await asyncio.sleep(1)
            picture = ROOT / "docs" / f"{name}.jpg"
            await page.page.locator(".jp-NotebookPanel-notebook").screenshot(
                path=picture, type="jpeg", quality=85
            )
        finally:
            await browser.close()
            server.stop()


async def main(names: list[str]) -> None:
    (ROOT / "docs").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as directory:
        media = portrait_media(Path(directory))
        async with async_playwright() as driver:
            for name in names or list(PICTURES):
                await take(driver, media, name, **PICTURES[name][2])  # type: ignore[arg-type]


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
