"""Kernels that are not of their server's environment or machine, and servers that are not of ours: all of them real.

Environments are made for the test; a kernel gateway is a second server; another version is a server that speaks one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from jupyter_server.auth import passwd
from playwright.async_api import Browser, expect
from support.environments import Environment, ForeignJupyter, KernelGateway, build_wheel
from support.jupyter import JupyterServer
from support.labview import LabView
from support.notebookpage import NotebookPage

OpenNotebook = Callable[..., Awaitable[NotebookPage]]
RunServer = Callable[[JupyterServer], JupyterServer]

LAB = "from smallrtc_lab import Lab\nlab = Lab()\nlab"
# How many came, and their colours; a machine that is busy makes them smaller.
PICTURES = "lab.video.grab(1, timeout_s=30).images.shape[::3]"


@pytest.fixture
def run_server() -> Iterator[RunServer]:
    """A function that starts a server; nothing that it started may outlive the test."""
    running: list[JupyterServer] = []

    def start(server: JupyterServer) -> JupyterServer:
        running.append(server)
        return server.start()

    yield start
    left = [one for server in reversed(running) for one in server.stop()]
    assert not left, f"processes outlived their server: {left}"


async def goes_live(view: LabView) -> None:
    """A click, and the camera is an array in Python."""
    await view.start()
    kernel = await view.notebook.kernel()
    await kernel.wait_value("lab.state == 'live' and lab.route == 'direct'")
    assert await kernel.value(PICTURES) == [1, 3]


@pytest.mark.soak
async def test_a_server_with_an_environment_of_its_own_is_told_the_command(
    tmp_path: Path, run_server: RunServer, open_notebook: OpenNotebook
) -> None:
    """Only the kernel has smallrtc-lab: a cell says what to run for the server; where widgets show, it goes live."""
    home, kernels = Environment(tmp_path / "server env"), Environment(tmp_path / "kernel-env")
    server = run_server(ForeignJupyter(tmp_path / "jupyter", home, kernels))
    notebook = await open_notebook([LAB, "lab.plot.level()"], server=server)
    command = f"Run '{home.python}' -m pip install "
    for index in (0, 1):
        assert (await notebook.run(index)).error is None
        shown = await notebook.cell(index).locator(".jp-OutputArea-output").inner_text()
        assert "The Jupyter server has an environment of its own, and smallrtc-lab is not in it." in shown
        assert command in shown
    await notebook.screenshot("home-no-widgets")
    home.add_widgets()
    await notebook.reload()
    assert (await notebook.run(0)).error is None
    view = LabView(notebook, 0)
    await view.wait_link("open")
    assert command in (await view.problems())[0]
    await notebook.screenshot("home-other-environment")
    await goes_live(view)


@pytest.mark.soak
async def test_installed_into_a_running_server_it_works_at_once_and_asks_for_a_restart(
    tmp_path: Path, run_server: RunServer, open_notebook: OpenNotebook
) -> None:
    """`%pip install` in a cell of a Jupyter that knew nothing of us: live by the comm; restarted, by the extension."""
    home = Environment(tmp_path / "env")
    home.add_widgets()
    jupyter = run_server(ForeignJupyter(tmp_path / "jupyter", home, extra={"PYTHONPATH": ""}))
    cells = [f"%pip install --no-deps --quiet {build_wheel(tmp_path / 'wheel')}", LAB]
    notebook = await open_notebook(cells, server=jupyter)
    installed = await notebook.run(0, 200)
    assert installed.error is None
    assert (await notebook.run(1)).error is None
    view = LabView(notebook, 1)
    await view.wait_link("open")
    assert "restart Jupyter (the server, not only the kernel)" in (await view.problems())[0]
    await notebook.screenshot("home-pip-install")
    await goes_live(view)
    kernel = notebook.kernels[-1]
    await kernel.execute("import smallrtc_lab")
    assert str(home.directory) in await kernel.value("smallrtc_lab.__file__")
    again = run_server(ForeignJupyter(tmp_path / "again", home, extra={"PYTHONPATH": ""}))
    notebook = await open_notebook([LAB], server=again)
    assert (await notebook.run(0)).error is None
    view = LabView(notebook, 0)
    await view.wait_link("open")
    assert await view.problems() == []
    await goes_live(view)


@pytest.mark.soak
async def test_a_kernel_of_a_gateway_goes_live_and_says_where_it_is(
    tmp_path: Path, run_server: RunServer, open_notebook: OpenNotebook
) -> None:
    """JupyterLab with our extension, kernels of another server: signaling by the comm, media go straight there."""
    gateway = run_server(KernelGateway(tmp_path / "gateway"))
    served = JupyterServer(tmp_path / "jupyter", arguments=(f"--gateway-url={gateway.url}",))
    notebook = await open_notebook([LAB], server=run_server(served))
    assert (await notebook.run(0)).error is None
    view = LabView(notebook, 0)
    await view.wait_link("open", timeout_s=15)
    assert "A kernel gateway runs this kernel" in (await view.problems())[0]
    await notebook.screenshot("home-gateway")
    await view.start()
    await expect(view.camera).to_be_visible()
    await notebook.restart_kernel()


class NewerServer(JupyterServer):
    """Its extension speaks the next version of the link."""

    def write_configuration(self, directory: Path) -> None:
        """The extension is that of today, but for its version."""
        super().write_configuration(directory)
        newer = "import smallrtc_lab.server.broker as broker\nbroker.LINK_VERSION += 1\n"
        (directory / "jupyter_server_config.py").write_text(newer)


@pytest.mark.soak
async def test_another_version_beside_the_server_is_named(
    tmp_path: Path, run_server: RunServer, open_notebook: OpenNotebook
) -> None:
    """The server refuses the engine's link: the page says why and goes live by the comm, and stays so."""
    notebook = await open_notebook([LAB], server=run_server(NewerServer(tmp_path / "jupyter")))
    assert (await notebook.run(0)).error is None
    view = LabView(notebook, 0)
    await view.wait_link("open", timeout_s=90)
    said = (await view.problems())[0]
    assert "install the same smallrtc-lab beside both" in said
    await notebook.screenshot("home-version")
    await goes_live(view)
    kernel = await notebook.kernel()
    await kernel.execute("import time; time.sleep(12)")  # the engine tries the link again and again meanwhile
    assert await kernel.value("lab.state") == "live"
    assert await view.state() == "live"
    await kernel.execute("lab.stop()")
    await view.wait_state("idle")


@pytest.mark.soak
async def test_behind_a_password_and_under_an_address_of_its_own(
    tmp_path: Path, run_server: RunServer, open_notebook: OpenNotebook, chromium: Browser
) -> None:
    """Somebody who logged in by the form, without any token, at a Jupyter that is not at the root: all is as usual."""
    password = f"--PasswordIdentityProvider.hashed_password={passwd('open sesame', 'sha1')}"
    server = run_server(JupyterServer(tmp_path / "jupyter", base_url="/deep/er/", arguments=(password,)))
    entrance = await chromium.new_context()
    page = await entrance.new_page()
    await page.goto(f"{server.url}login")
    await page.fill("input[name=password]", "open sesame")
    await page.click("#login_submit")
    await page.wait_for_url("**/deep/er/lab**")
    state = await entrance.storage_state()
    await entrance.close()
    server.token = ""  # the page's address has none: its cookie is all it has
    notebook = await open_notebook([LAB], server=server, storage_state=state)
    assert (await notebook.run(0)).error is None
    view = LabView(notebook, 0)
    await view.wait_link("open")
    assert await view.problems() == []
    await goes_live(view)
