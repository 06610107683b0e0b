"""Other front ends than JupyterLab: Notebook 7, Voilà, and a page made of a saved notebook."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import nbformat
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect
from support.jupyter import JupyterServer, make_notebook
from support.knownmedia import picture_error
from support.labview import WATCH_MEDIA, LabView
from support.notebookpage import NotebookPage, wait_video_frames
from support.processes import CHECKOUT, ProcessFamily

OpenNotebook = Callable[..., Awaitable[NotebookPage]]

LAB = "from smallrtc_lab import Lab\nlab = Lab()\nlab"


class NotebookServer(JupyterServer):
    """`jupyter notebook`, version 7."""

    def command(self) -> list[str]:
        words = [word for word in super().command() if "LabApp" not in word]
        return [
            *map({"jupyterlab": "notebook"}.get, words, words),
            "--JupyterNotebookApp.expose_app_in_browser=True",
        ]


class Notebook7Page(NotebookPage):
    """A notebook in Notebook 7's page."""

    async def open(self, timeout_s: float = 60.0) -> NotebookPage:
        """Go to the notebook and wait until its kernel is idle."""
        await self.page.goto(f"{self.server.url}notebooks/{self.path}?token={self.server.token}")
        await self.wait_kernel(timeout_s)
        return self


@pytest.fixture
def notebook_server(tmp_path: Path) -> Iterator[JupyterServer]:
    """Notebook 7 with our extension."""
    server = NotebookServer(tmp_path / "notebook7").start()
    yield server
    assert server.stop() == []


@pytest_asyncio.fixture(loop_scope="session")
async def page(chromium: Browser) -> AsyncIterator[Page]:
    """An empty page that remembers what is captured."""
    context = await chromium.new_context(viewport={"width": 1100, "height": 1000})
    await context.add_init_script(WATCH_MEDIA)
    yield await context.new_page()
    await context.close()


async def test_notebook_7_runs_the_quick_start(
    notebook_server: JupyterServer, page: Page, results_dir: Path
) -> None:
    """Every cell of the quick start runs in Notebook 7 on the camera of its page, and the mosaic comes back."""
    source = CHECKOUT / "notebooks" / "00-quickstart.ipynb"
    shutil.copy(source, notebook_server.root)
    kinds = [cell["cell_type"] for cell in json.loads(source.read_text())["cells"]]
    notebook = Notebook7Page(notebook_server, page.context, page, source.name, results_dir)
    notebook.watch()
    await notebook.open()
    first, *others = [index for index, kind in enumerate(kinds) if kind == "code"]
    assert (await notebook.run(first)).error is None
    view = LabView(notebook, first)
    print(f"Notebook 7: click → live {await view.start():.2f} s")
    kernel = await notebook.kernel()
    for index in others:
        assert (error := (await notebook.run(index)).error) is None, error
    assert (
        picture_error(await kernel.array("lab.video.latest().image")) < 15
    )  # at whatever bitrate it has reached
    await view.root.scroll_into_view_if_needed()
    await wait_video_frames(view.returned)
    await notebook.screenshot("notebook7")
    await kernel.close()


class Rendered:
    """The widget on a page that is no notebook."""

    def __init__(self, page: Page) -> None:
        self.root: Locator = page.locator(".smallrtc-lab").first

    async def wait(self, name: str, value: str) -> None:
        """Wait until its `data-` attribute has this value."""
        await expect(self.root).to_have_attribute(f"data-{name}", value, timeout=90_000)


async def test_voila_of_a_jupyter_server_goes_live(
    jupyter: JupyterServer, page: Page, results_dir: Path
) -> None:
    """Voilà as an extension of the same server: the rendered page has the widget, and a click makes it live."""
    path = jupyter.write_notebook("voila.ipynb", [LAB, "print('rendered')"])
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    await page.goto(f"{jupyter.url}voila/render/{path}?token={jupyter.token}")
    view = Rendered(page)
    await view.wait("link", "open")
    await view.root.get_by_role("button", name="Start", exact=True).click()
    await view.wait("state", "live")
    await wait_video_frames(view.root.locator("video").first)
    await page.screenshot(path=results_dir / "voila.png")
    assert errors == []
    await page.goto("about:blank")


class VoilaServer(JupyterServer):
    """A Voilà that is a server of its own, for one notebook."""

    def write_configuration(self, directory: Path) -> None:
        nbformat.write(make_notebook([LAB]), self.root / "page.ipynb")

    def command(self) -> list[str]:
        return [sys.executable, "-P", "-m", "voila", "page.ipynb", "--no-browser", f"--port={self.port}"]

    def wait_ready(self, deadline: float) -> None:
        assert self.process is not None
        while "is running at" not in self.log():
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.1)


@pytest.fixture
def voila(tmp_path: Path) -> Iterator[JupyterServer]:
    """Voilà, listening."""
    server = VoilaServer(tmp_path / "voila").start()
    yield server
    assert server.stop() == []


async def test_voila_of_its_own_goes_live_through_the_notebook(
    voila: JupyterServer, page: Page, results_dir: Path
) -> None:
    """`voila notebook.ipynb` serves no extension of Jupyter's: the widget's comm leads to Python, and it says so."""
    await page.goto(voila.url, timeout=120_000)
    view = Rendered(page)
    await view.wait("link", "open")
    said = await view.root.locator(".srl-panel").inner_text()
    assert "speak through the notebook" in said
    await view.root.get_by_role("button", name="Start", exact=True).click()
    await view.wait("state", "live")
    await wait_video_frames(view.root.locator("video").first)
    await page.screenshot(path=results_dir / "voila-alone.png")
    await page.goto("about:blank")


def export(path: Path, family: ProcessFamily) -> str:
    """The notebook as one HTML page."""
    command = [sys.executable, "-m", "nbconvert", "--to", "html", str(path), "--log-level=WARN"]
    subprocess.run(command, env=family.environment(), check=True, capture_output=True, timeout=200)
    return path.with_suffix(".html").read_text()


@pytest.mark.soak
async def test_an_exported_notebook_is_still(
    open_notebook: OpenNotebook, page: Page, tmp_path: Path, results_dir: Path
) -> None:
    """A live notebook, saved, exported, opened again without its kernel: a sentence, no script, nobody's picture."""
    notebook = await open_notebook([LAB, "frame = lab.video.latest()\nframe", "lab.audio.record(0.2)"])
    await notebook.run(0)
    await LabView(notebook, 0).start()
    await (await notebook.kernel()).wait_value("lab.state == 'live'")
    assert (await notebook.run(1)).error is None
    assert (await notebook.run(2)).error is None
    saved = json.dumps(await notebook.save())
    assert "image/" not in saved
    assert "base64" not in saved
    copy = tmp_path / "exported.ipynb"
    copy.write_text(saved)
    html = export(copy, notebook.server.family)
    assert "run this notebook in Jupyter" in html
    assert "RTCPeerConnection" not in html
    assert 'src="data:' not in html
    await page.goto(copy.with_suffix(".html").as_uri())
    await page.screenshot(path=results_dir / "exported.png")
    assert await page.evaluate("smallrtcSeen.requests.length + smallrtcSeen.peers.length") == 0
    assert await page.locator("video").count() == 0
    shown = "all => all.map(one => one.alt + (one.naturalWidth ? ' is shown' : ''))"
    assert [text.split(": ")[1] for text in await page.locator("img").evaluate_all(shown)] == [
        "not saved with the notebook"
    ]
    await notebook.restart_kernel()
    await notebook.reload()
    await notebook.wait_text(0, "^(?!.*Error displaying).*run this cell to start them")
    await notebook.screenshot("opened-again")
    assert (await notebook.run(0)).error is None
    await LabView(notebook, 0).wait_state("idle")
