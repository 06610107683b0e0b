"""Binder, emulated: the landing notebook behind a real proxy, with its token and egress rules, on one processor."""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import nbformat
import psutil
import pytest
import pytest_asyncio
from playwright.async_api import Playwright, async_playwright, expect
from support.binder import BinderPage, BinderPod, Culling, chromium_on
from support.binder_image import BinderImage, build_image
from support.binder_tour import LAB_CELL, LANDING, NETWORK, click, nothing_but_the_proxy, tour
from support.chromium import launch_chromium
from support.hub import install_proxy
from support.knownmedia import KnownMedia, make_known_media
from support.labview import WATCH_MEDIA, LabView
from support.matrix import LabPage, lab_cell
from support.matrixrows import arrived
from support.matrixtabs import FirefoxOnHost
from support.namespaces import Network
from support.notebookpage import NotebookPage
from support.pagescripts import KERNEL_ID, KERNEL_IDLE
from support.processes import CHECKOUT, ProcessFamily

EXECUTE = "from nbclient.cli import main; main()"  # what `jupyter execute` runs
CULLED_S = 60
UNKNOWN_AUTHORITY = "--ignore-certificate-errors"  # in workers, too, other than Playwright's own option
Visit = Callable[[BinderPod], Awaitable[NotebookPage]]
StartPod = Callable[..., BinderPod]
in_one_loop = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command of the real configurable-http-proxy."""
    return install_proxy(tmp_path_factory.mktemp("npm") / "proxy")


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> KnownMedia:
    """The camera and the microphone of the person."""
    return make_known_media(tmp_path_factory.mktemp("media"))


@pytest.fixture
def place() -> Iterator[Path]:
    """A short path, for the sockets of kernels lie there."""
    with tempfile.TemporaryDirectory(prefix="srl") as name:
        yield Path(name)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def playwright() -> AsyncIterator[Playwright]:
    """Playwright's driver; what a test expects may take a minute."""
    expect.set_options(timeout=60_000)
    async with async_playwright() as driver:
        yield driver


@pytest_asyncio.fixture(loop_scope="module")
async def visit(
    playwright: Playwright, media: KnownMedia, place: Path, results_dir: Path, failed: Callable[[], bool]
) -> AsyncIterator[Visit]:
    """A function that sends somebody's Chromium to the landing notebook, as Binder's link does."""
    async with contextlib.AsyncExitStack() as stack:

        async def come(pod: BinderPod) -> NotebookPage:
            browser = await launch_chromium(
                playwright,
                media,
                executable=chromium_on(pod.network.b, place),
                arguments=(UNKNOWN_AUTHORITY,),
            )
            stack.push_async_callback(browser.close)
            size = {"width": 1280, "height": 1300}
            context = await browser.new_context(viewport=size)
            context.set_default_timeout(60_000)
            await context.add_init_script(WATCH_MEDIA)
            page = await context.new_page()
            notebook = BinderPage(pod, context, page, "binder/welcome.ipynb", results_dir)
            notebook.watch()
            stack.push_async_callback(leave, notebook)
            return await notebook.open()

        async def leave(notebook: NotebookPage) -> None:
            if failed():
                await notebook.leave_evidence("binder")
            await notebook.close()

        yield come


@pytest.fixture
def start_pod(network: Network, proxy: list[str], place: Path) -> Iterator[StartPod]:
    """A function that starts a pod; nothing may outlive it."""
    pods: list[BinderPod] = []

    def start(**options: Any) -> BinderPod:
        pods.append(BinderPod(place / "pod", network, proxy, **options))
        return pods[-1].start()

    yield start
    left = [one for pod in pods for one in pod.stop()]
    assert not left, f"processes outlived the pod: {left}"


@in_one_loop
async def test_the_landing_notebook_is_live_with_one_click(
    start_pod: StartPod, network: Network, visit: Visit, place: Path
) -> None:
    """Relay at once, right picture and tone, plots drawn, what Python returns seen; unattended it is green as well."""
    unattended = asyncio.create_task(execute(LANDING, place / "unattended"))
    isolated = asyncio.create_task(asyncio.to_thread(nothing_but_the_proxy, network))
    try:
        pod = await asyncio.to_thread(start_pod)
        await tour(pod, await visit(pod))
        await isolated
        await unattended
    finally:
        await asyncio.gather(unattended, isolated, return_exceptions=True)


async def execute(notebook: Path, place: Path, image: BinderImage | None = None) -> None:
    """With nobody there and no server, as `jupyter execute` does."""
    family = ProcessFamily(place / "home")
    family.home.mkdir(parents=True)
    copy = shutil.copy(notebook, place)
    python = image.python if image else sys.executable
    command = [python, "-P", "-c", EXECUTE, "--timeout=200", "--inplace", copy]
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=place,
        env=family.environment(image and image.environment),
        stdout=-1,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(250):
            said, _ = await process.communicate()
        assert process.returncode == 0, said.decode()
    finally:
        left = await asyncio.to_thread(family.end)
    assert left == []
    assert "'live', 'direct'" in str(nbformat.read(copy, 4).cells)


@pytest.mark.parametrize("name", ["environment.yml", "postBuild", "welcome.ipynb"])
def test_what_binder_reads(name: str) -> None:
    """The landing notebook was given out unrun, postBuild can be run, and Python is new enough."""
    file = LANDING.parent / name
    text = file.read_text()
    if name == "welcome.ipynb":
        assert all(not cell.get("outputs") for cell in nbformat.reads(text, 4).cells)
    elif name == "postBuild":
        assert text.startswith("#!/bin/bash\n")
        assert file.stat().st_mode & 0o111
    else:
        assert "- python=3.12" in text


def test_the_badge_leads_to_the_landing_notebook() -> None:
    """Its address names a file that is there; as long as it names no account the README says so."""
    readme = (CHECKOUT / "README.md").read_text()
    (address,) = re.findall(r"\]\((https://mybinder\.org/v2/gh/\S+)\)", readme)
    way = urlsplit(address)
    assert (CHECKOUT / parse_qs(way.query)["urlpath"][0].removeprefix("lab/tree/")).samefile(LANDING)
    assert ("/OWNER/" in way.path) == ("once `OWNER` in its address is" in readme)


@pytest.mark.soak
@pytest.mark.timeout(1800)
@in_one_loop
async def test_from_the_files_of_binder(start_pod: StartPod, visit: Visit, place: Path) -> None:
    """The same tour in a Python 3.12 environment made by environment.yml and postBuild, and unattended there."""
    begun = time.monotonic()
    image = await asyncio.to_thread(build_image, place / "image")
    if image is None:
        pytest.skip("THE FILES OF binder/ ARE NOT TRIED: no python3.12 (SMALLRTC_LAB_PYTHON312 may name one)")
    print(f"environment made in {time.monotonic() - begun:.0f} s")
    pod = await asyncio.to_thread(start_pod, image=image)
    await tour(pod, await visit(pod), seconds=20)
    await execute(LANDING, place / "unattended", image)


@pytest.mark.soak
@pytest.mark.timeout(600)
@in_one_loop
async def test_firefox_is_live_through_the_proxy(start_pod: StartPod, network: Network, place: Path) -> None:
    """The same way with the other browser: picture, tone, and what Python returns."""
    pod = await asyncio.to_thread(start_pod)
    path = pod.write_notebook("firefox.ipynb", [lab_cell(painted=True)])
    firefox = FirefoxOnHost(network.b, place)
    async with firefox.open(f"{pod.address}lab/tree/{path}?token={pod.token}") as tab:
        await tab.wait_true(f"({KERNEL_IDLE})()", 120)
        kernel = await pod.connect(await tab.evaluate(KERNEL_ID))
        page = LabPage(tab, kernel, firefox)
        await arrived(page, NETWORK, await page.start(), route="relay", goal_s=1.0)
        await kernel.close()


@pytest.mark.soak
@pytest.mark.timeout(900)
@in_one_loop
async def test_who_looks_at_a_live_picture_keeps_the_kernel(start_pod: StartPod, visit: Visit) -> None:
    """Binder ends idle kernels though a page is connected: a stopped one, but none whose live picture is seen."""
    pod = await asyncio.to_thread(start_pod, culling=Culling(CULLED_S, 5))
    notebook = await visit(pod)
    await notebook.run(LAB_CELL, 120)
    kernel = await notebook.kernel()
    view = LabView(notebook, LAB_CELL)
    await click(view, kernel)
    pid = kernel.pid
    await asyncio.sleep(2.5 * CULLED_S)  # no word to the kernel meanwhile, for each would count as activity
    assert psutil.pid_exists(pid)
    assert await view.state() == "live"
    await view.press("Stop")
    begun = time.monotonic()
    while psutil.pid_exists(pid):
        assert time.monotonic() < begun + 4 * CULLED_S, "the kernel was kept although nothing is live"
        await asyncio.sleep(1)
    print(f"ended {time.monotonic() - begun:.0f} s after Stop, with the page still open")
    await expect(view.root.locator(".srl-status-text")).to_contain_text("Run the cell again")
