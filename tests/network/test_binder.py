"""Binder, emulated: the landing notebook behind a real proxy, with its token and egress rules, on one processor."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import nbformat
import numpy as np
import pytest
import pytest_asyncio
from playwright.async_api import Playwright, async_playwright, expect
from support.binder import POD, BinderPage, BinderPod, chromium_on, pod_figures
from support.chromium import launch_chromium
from support.hub import install_proxy
from support.kernel import Kernel
from support.knownmedia import (
    TONE_AMPLITUDE,
    TONE_HZ,
    KnownMedia,
    make_known_media,
    measure_blocks,
    picture_error,
    tone_of,
)
from support.labview import WATCH_MEDIA, LabView
from support.namespaces import B, Network
from support.notebookpage import NotebookPage, video_image, wait_video_frames
from support.processes import CHECKOUT, ProcessFamily

LANDING = CHECKOUT / "binder" / "welcome.ipynb"
EXECUTE = "from nbclient.cli import main; main()"  # what `jupyter execute` runs
SEND = "import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('{to}', {port}))"
HEAR = """
import socket
one = socket.socket(type=socket.SOCK_DGRAM)
one.bind(("0.0.0.0", 0))
print(one.getsockname()[1], flush=True)
one.settimeout({seconds})
try:
    print(one.recv(9), flush=True)
except TimeoutError:
    print("nothing", flush=True)
"""
Visit = Callable[[BinderPod], Awaitable[NotebookPage]]
in_one_loop = pytest.mark.asyncio(loop_scope="module")
FIRST = """
import time
came = []

@lab.watch_video
def first(frame):
    came.append(time.time())
"""
CLICKED = "void addEventListener('click', () => { window.clickedMs = Date.now() }, { capture: true })"


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
            browser = await launch_chromium(playwright, media, executable=chromium_on(pod.network.b, place))
            stack.push_async_callback(browser.close)
            size = {"width": 1280, "height": 1300}
            context = await browser.new_context(viewport=size, ignore_https_errors=True)
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
def pod(network: Network, proxy: list[str], place: Path) -> Iterator[BinderPod]:
    """A pod with the environment of the tests themselves; nothing may outlive it."""
    running = BinderPod(place / "pod", network, proxy)
    try:
        yield running.start()
    finally:
        left = running.stop()
    assert not left, f"processes outlived the pod: {left}"


@in_one_loop
async def test_the_landing_notebook_is_live_with_one_click(
    pod: BinderPod, network: Network, visit: Visit, place: Path
) -> None:
    """Relay at once, right picture and tone, plots drawn, what Python returns seen; unattended it is green as well."""
    unattended = asyncio.create_task(execute(LANDING, place / "unattended"))
    isolated = asyncio.create_task(asyncio.to_thread(nothing_but_the_proxy, network))
    try:
        await tour(pod, await visit(pod))
        await isolated
        await unattended
    finally:
        await asyncio.gather(unattended, isolated, return_exceptions=True)


def nothing_but_the_proxy(network: Network) -> None:
    """The network is as narrow as it is meant to be: no datagram leaves the pod, no page reaches it past the proxy."""
    listener = network.b.popen("-c", HEAR.format(seconds=2))
    assert listener.stdout is not None
    port = listener.stdout.readline().strip()
    sender = network.a.popen("-c", SEND.format(to=B, port=port))
    sender.communicate(timeout=60)
    told, _ = listener.communicate(timeout=60)
    assert told.strip() == "nothing"
    knock = f"import socket; socket.create_connection(('{POD}', 80), timeout=1)"
    visitor = network.b.popen("-c", f"try:\n    {knock}\nexcept TimeoutError:\n    print('no answer')")
    told, _ = visitor.communicate(timeout=60)
    assert told.strip() == "no answer"


async def tour(pod: BinderPod, notebook: NotebookPage) -> None:
    """What a person does with the landing notebook, cell by cell, and what they see."""
    cells = nbformat.read(LANDING, 4).cells
    places = {cell.id: index for index, cell in enumerate(cells)}
    assert (await notebook.run(places["lab"], 120)).error is None
    kernel = await notebook.kernel()
    view = LabView(notebook, places["lab"])
    await click(view, kernel)
    assert await kernel.value("__import__('smallrtc_lab.places').places.find_place().kind.value") == "binder"
    for name in ("live", "effect", "picture", "sound", "diagnose"):
        assert (await notebook.run(places[name], 120)).error is None, name
    await expect(view.root.locator(".srl-status-text")).to_contain_text("through Jupyter")
    print(await view.status())
    print(await kernel.value("[(seen := lab.diagnose()).verdict, seen.advice]"))
    await right_media(kernel)
    await edges_are_seen(view)
    await plots_are_drawn(notebook, kernel)
    await notebook.screenshot("binder-landing")
    print(await pod_figures(pod, kernel))
    assert await view.problems() == []
    assert notebook.page_errors == []


async def click(view: LabView, kernel: Kernel) -> None:
    """Start; the relay carries, at once."""
    await view.wait_link("open")
    await kernel.execute(FIRST)
    await view.notebook.evaluate_quietly(CLICKED)
    await view.press("Start")
    await kernel.wait_value("len(came) > 0")
    took_s = await kernel.value("came[0]") - await view.notebook.evaluate_quietly("clickedMs") / 1000
    print(f"click → first picture in Python {took_s:.2f} s (goal 1 s)")
    await kernel.execute("first.remove()")
    await view.wait_state("live")
    await kernel.wait_value("lab.state == 'live' and lab.route == 'relay'")
    assert took_s < 15


async def right_media(kernel: Kernel) -> None:
    """The camera's colours, and a whole second of its tone."""
    error = picture_error(await kernel.array("lab.video.latest().image"))
    assert error < 8, error
    async with asyncio.timeout(60):
        while await kernel.value("bool((clip := lab.audio.record(1)).gaps)"):
            print("sound with a gap: on a busy machine the browser itself loses some")
    await kernel.execute("clip = lab.audio.last(1)")
    hz, amplitude = tone_of(await kernel.array("clip.mono"), 48000)
    print(f"picture: mean error {error:.2f} of 255; tone {hz:.1f} Hz, amplitude {amplitude:.3f}")
    assert hz == pytest.approx(TONE_HZ, abs=2)
    assert amplitude == pytest.approx(TONE_AMPLITUDE, rel=0.2)


async def edges_are_seen(view: LabView) -> None:
    """The returned picture is dark where the camera's fields are, whatever their colour, and bright between them."""
    await wait_video_frames(view.returned, 5)
    seen = await video_image(view.returned)
    assert measure_blocks(seen).max() < 60
    assert np.quantile(seen, 0.995) > 100


async def plots_are_drawn(notebook: NotebookPage, kernel: Kernel) -> None:
    """Both go on, and show the tone."""
    await notebook.evaluate_quietly("jupyterapp.shell.currentWidget.content.scrollToItem(0)")
    for name in ("waveform", "spectrogram"):
        shown = f"{name}.stats['views'][0]['shown']"
        before = await kernel.value(shown)
        await kernel.wait_value(f"{shown} > {before + 3}")
        picture = await video_image(
            notebook.page.get_by_label(f"{name.title()}, live plot").locator("canvas")
        )
        assert picture.std() > 10
    await kernel.execute("drawn = spectrogram.data()")
    level_db = await kernel.array("drawn['level_db']")
    loudest = np.nanargmax(np.nanmedian(level_db, axis=1))
    assert (await kernel.array("drawn['frequencies_hz']"))[loudest] == pytest.approx(TONE_HZ, abs=50)


async def execute(notebook: Path, place: Path) -> None:
    """With nobody there and no server, as `jupyter execute` does."""
    family = ProcessFamily(place / "home")
    family.home.mkdir(parents=True)
    copy = shutil.copy(notebook, place)
    command = [sys.executable, "-P", "-c", EXECUTE, "--timeout=200", "--inplace", copy]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=place, env=family.environment(), stdout=-1, stderr=asyncio.subprocess.STDOUT
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
