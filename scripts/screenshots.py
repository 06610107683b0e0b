"""Pictures of the widget in every state: `python scripts/screenshots.py [--into DIR] [--browser NAME] [STATE …]`.

Each state in light, dark and narrow, in a real JupyterLab in a real Chromium and Firefox, and all of them on one sheet,
`sheet-BROWSER.jpg`. `--docs` makes the documentation's pictures instead. Needs the test extra. Chromium's camera shows
the portrait that matplotlib brings along (Rear Admiral Grace Hopper, U.S. Navy, public domain).
"""

from __future__ import annotations

import argparse
import asyncio
import re
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import matplotlib.cbook
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from playwright.async_api import Playwright, async_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]

from states import BROKEN, LAB, STATES, State, effect  # noqa: E402
from support.chromium import launch_chromium  # noqa: E402
from support.firefox import Firefox  # noqa: E402
from support.jupyter import JupyterServer  # noqa: E402
from support.knownmedia import KnownMedia, make_known_media, yuv420  # noqa: E402
from tabs import WIDGET, ChromiumTab, FirefoxTab, Notebook, Tab  # noqa: E402

VIEWPORT = {"width": 1120, "height": 1400}
NARROW_PX = 420
PLACE = f"({WIDGET} ?? document.querySelector('.smallrtc-waiting'))"
AROUND = "({ left, top, width, height }) => [left - 8, top - 8, width + 16, height + 16]"
BOX = f"({AROUND})({PLACE}.getBoundingClientRect())"
NARROW = f"void ({PLACE}.parentElement.style.width = '{NARROW_PX}px')"
WIDE = f"void ({PLACE}.parentElement.style.width = '')"
DOCUMENTED = {
    "lab": """
@lab.on_video(controls=dict(threshold=(0, 60)))
def edges(frame, threshold):
    gray = frame.gray.astype(int)
    return abs(gray[2:, 1:-1] - gray[:-2, 1:-1]) + abs(gray[1:-1, 2:] - gray[1:-1, :-2]) > threshold
""".strip(),
    "error": BROKEN,
}
NewTab = Callable[[], Awaitable[Tab]]


class NetworkServer(JupyterServer):
    """A JupyterLab that other computers reach."""

    def command(self) -> list[str]:
        return [word.replace("ip=127.0.0.1", "ip=0.0.0.0") for word in super().command()]


def machine_address() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # nothing is sent
        return str(probe.getsockname()[0])


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


@asynccontextmanager
async def chromium(driver: Playwright, media: KnownMedia, accept: bool) -> AsyncIterator[NewTab]:
    """A function that opens a tab of a new person."""
    browser = await launch_chromium(driver, media, accept=accept)

    async def tab() -> Tab:
        context = await browser.new_context(viewport=VIEWPORT, reduced_motion="reduce")  # type: ignore[arg-type]
        return ChromiumTab(await context.new_page())

    yield tab
    await browser.close()


@asynccontextmanager
async def firefox(directory: Path, accept: bool) -> AsyncIterator[NewTab]:
    """The same in Firefox; without permission its settings forbid both devices, for nobody answers its question."""
    browser = Firefox(directory, accept=accept)
    browser.preferences["ui.prefersReducedMotion"] = 1
    if not accept:
        browser.preferences |= {"permissions.default.camera": 2, "permissions.default.microphone": 2}
    await browser.start()

    async def tab() -> Tab:
        page = await browser.open("about:blank", **VIEWPORT)
        return FirefoxTab(browser, page.context)

    yield tab
    await browser.close()


def notebook_url(server: JupyterServer, workspace: str, path: str, host: str = "127.0.0.1") -> str:
    return f"http://{host}:{server.port}/lab/workspaces/{workspace}/tree/{path}?token={server.token}"


async def use_theme(tab: Tab, theme: str) -> None:
    """Switch JupyterLab's theme, and wait until its stylesheet is in use."""
    await tab.evaluate(
        f"jupyterapp.commands.execute('apputils:change-theme', {{ theme: 'JupyterLab {theme}' }}).then(() => null)"
    )
    await asyncio.sleep(0.7)


async def looks(notebook: Notebook) -> dict[str, Image.Image]:
    """The widget as it is now in light, dark and narrow."""
    tab = notebook.tab
    taken = {}
    for name, theme, prepare in (
        ("dark", "Dark", WIDE),
        ("light", "Light", WIDE),
        ("narrow", "Light", NARROW),
    ):
        await use_theme(tab, theme)
        await tab.evaluate(prepare)
        await asyncio.sleep(0.4)
        await tab.evaluate(f"{PLACE}.scrollIntoView({{ block: 'center' }})")
        left, top, width, height = await tab.evaluate(BOX)
        height = min(height, VIEWPORT["height"] - max(0, top))
        taken[name] = (await tab.picture((max(0, left), max(0, top), width, height))).convert("RGB")
    return taken


async def take(server: JupyterServer, tab: Tab, name: str, state: State) -> dict[str, Image.Image]:
    """One state in its three looks."""
    file = re.sub(r"\W+", "-", name)
    path = server.write_notebook(f"{file}.ipynb", state.cells)
    host = machine_address() if state.network else "127.0.0.1"
    notebook = Notebook(tab, server, notebook_url(server, file, path, host), path)
    try:
        await notebook.open()
        await state.reach(notebook)
        return await looks(notebook)
    finally:
        await notebook.close()


def sheet(pictures: dict[str, dict[str, Image.Image]]) -> Image.Image:
    """All pictures in rows of one state each, at half their size."""
    font = ImageFont.load_default(22)
    columns = {"light": 560, "dark": 560, "narrow": 360}
    rows = []
    for name, taken in pictures.items():
        small = [
            one.resize((w, round(one.height * w / one.width)))
            if (w := min(one.width, columns[look])) < one.width
            else one
            for look, one in taken.items()
        ]
        row = Image.new("RGB", (sum(columns.values()) + 80, max(one.height for one in small) + 50), "#8a8f98")
        ImageDraw.Draw(row).text((20, 8), name, "white", font)
        left = 20
        for look, one in zip(taken, small, strict=True):
            row.paste(one, (left, 40))
            left += columns[look] + 20
        rows.append(row)
    whole = Image.new("RGB", (rows[0].width, sum(row.height for row in rows)), "#8a8f98")
    top = 0
    for row in rows:
        whole.paste(row, (0, top))
        top += row.height
    return whole


async def photograph(browser: str, names: list[str], into: Path, directory: Path) -> None:
    """All states in one browser."""
    media = portrait_media(directory)
    server = NetworkServer(directory / "jupyter", arguments=("--ServerApp.allow_remote_access=True",)).start()
    pictures: dict[str, dict[str, Image.Image]] = {}
    try:
        async with async_playwright() as driver:
            for accept in (True, False):
                wanted = [name for name in names if STATES[name].accept is accept]
                if not wanted:
                    continue
                place = directory / f"firefox-{accept}"
                opened = chromium(driver, media, accept) if browser == "chromium" else firefox(place, accept)
                async with opened as new_tab:
                    for name in wanted:
                        try:
                            pictures[name] = await take(server, await new_tab(), name, STATES[name])
                            save(pictures, browser, into)
                        except (TimeoutError, AssertionError) as cause:
                            sys.stderr.write(f"{browser}: no picture of {name}: {cause}\n")
    finally:
        server.stop()


async def document(directory: Path) -> None:
    """The pictures in `docs/`: a whole notebook each, with a live widget."""
    media = portrait_media(directory)
    server = JupyterServer(directory / "jupyter").start()
    try:
        async with async_playwright() as driver:
            browser = await launch_chromium(driver, media)
            for name, cell in DOCUMENTED.items():
                context = await browser.new_context(
                    viewport={"width": 1000, "height": 760}, device_scale_factor=1.3, reduced_motion="reduce"
                )
                page = await context.new_page()
                path = server.write_notebook("camera.ipynb", [LAB, cell])
                notebook = Notebook(ChromiumTab(page), server, notebook_url(server, name, path), path)
                await notebook.open()
                await effect(notebook)
                await page.evaluate("document.querySelector('.jp-WindowedPanel-outer').scrollTop = 0")
                await asyncio.sleep(1)
                panel = page.locator(".jp-NotebookPanel-notebook")
                await panel.screenshot(path=ROOT / "docs" / f"{name}.jpg", type="jpeg", quality=78)
                await notebook.close()
            await browser.close()
    finally:
        server.stop()


def save(pictures: dict[str, dict[str, Image.Image]], browser: str, into: Path) -> None:
    """What was taken so far, one by one and on the sheet."""
    name, taken = list(pictures.items())[-1]
    for look, picture in taken.items():
        picture.save(into / f"{re.sub(r'[^a-z]+', '-', name.lower())}-{look}-{browser}.png")
    sheet({name: pictures[name] for name in STATES if name in pictures}).save(
        into / f"sheet-{browser}.jpg", quality=88
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--into", type=Path, default=ROOT / "test-results" / "looks")
    parser.add_argument("--browser", action="append", choices=["chromium", "firefox"])
    parser.add_argument("--docs", action="store_true", help="make the pictures in docs/")
    parser.add_argument("states", nargs="*", metavar="STATE", help=", ".join(STATES))
    wanted = parser.parse_args()
    if wanted.docs:
        with tempfile.TemporaryDirectory() as directory:
            asyncio.run(document(Path(directory)))
        return
    wanted.into.mkdir(parents=True, exist_ok=True)
    for browser in wanted.browser or ["chromium", "firefox"]:
        with tempfile.TemporaryDirectory() as directory:
            asyncio.run(photograph(browser, wanted.states or list(STATES), wanted.into, Path(directory)))


if __name__ == "__main__":
    main()
