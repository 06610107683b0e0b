"""The demo over https, for browsers on other computers: its own certificate, or one that somebody else has signed."""

from __future__ import annotations

import datetime
import re
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import nbformat
import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from playwright.async_api import Browser
from support.jupyter import JupyterServer, make_notebook
from support.labview import WATCH_MEDIA, LabView
from support.notebookpage import NotebookPage

LaunchChromium = Callable[..., Awaitable[Browser]]

ADDRESS = re.compile(r"(https?)://\S+token=(\w+)")
LAB = "from smallrtc_lab import Lab\nlab = Lab()\nlab"


class Demo(JupyterServer):
    """A running `smallrtc-lab demo`, seen from another computer: by the machine's address, not by localhost."""

    def write_configuration(self, directory: Path) -> None:
        directory.mkdir(parents=True)  # the demo brings its own; the tests look into the page
        (directory / "jupyter_lab_config.json").write_text('{"LabApp": {"expose_app_in_browser": true}}')
        nbformat.write(make_notebook([LAB]), self.root / "page.ipynb")

    def command(self) -> list[str]:
        options = ["--no-browser", f"--port={self.port}", f"--directory={self.root}", *self.arguments]
        return [sys.executable, "-P", "-m", "smallrtc_lab", "demo", *options]

    def wait_ready(self, deadline: float) -> None:
        """Read the address that it prints once it is there."""
        assert self.process is not None
        while not (found := ADDRESS.search(self.log())) or "Ctrl-C" not in self.log():
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.1)
        self.token = found[2]
        self.headers = {"Authorization": f"token {self.token}"}
        self.url = f"{found[1]}://{machine_address()}:{self.port}/"

    def client(self, **options: Any) -> httpx.AsyncClient:
        """As everywhere, but no certificate is checked."""
        return super().client(**({"verify": False} | options))


def machine_address() -> str:
    """This machine's address in its network; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        return str(probe.getsockname()[0])


def signed_by_another(directory: Path) -> tuple[Path, Path]:
    """A certificate and its key, signed by an authority whose own certificate is nowhere to be found."""
    now = datetime.datetime.now(datetime.UTC)
    authority, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    builder = x509.CertificateBuilder(
        issuer_name=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "An authority")]),
        subject_name=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "classroom.example")]),
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=now - datetime.timedelta(days=1),
        not_valid_after=now + datetime.timedelta(days=30),
    )
    names = x509.SubjectAlternativeName([x509.DNSName("classroom.example")])
    made = builder.add_extension(names, critical=False).sign(authority, hashes.SHA256())
    certificate, key_file = directory / "signed.pem", directory / "signed.key"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    key_file.write_bytes(secret)
    return certificate, key_file


StartDemo = Callable[..., Awaitable[NotebookPage]]


@pytest_asyncio.fixture(loop_scope="session")
async def open_demo(
    tmp_path: Path, launch_chromium: LaunchChromium, results_dir: Path
) -> AsyncIterator[StartDemo]:
    """A function that starts a demo with these options, and opens a notebook of it under the machine's address."""
    opened: list[NotebookPage] = []
    demos: list[Demo] = []

    async def open_one(*options: str) -> NotebookPage:
        demo = Demo(tmp_path / "demo", arguments=options)
        demo.start()
        demos.append(demo)
        browser = await launch_chromium("--ignore-certificate-errors")
        context = await browser.new_context(ignore_https_errors=True)
        await context.add_init_script(WATCH_MEDIA)
        notebook = NotebookPage(demo, context, await context.new_page(), "page.ipynb", results_dir)
        opened.append(notebook)
        notebook.watch()
        return await notebook.open()

    yield open_one
    for notebook in opened:
        for kernel in notebook.kernels:
            await kernel.close()
    for demo in demos:
        assert demo.stop() == [], demo.log()


@pytest.mark.parametrize("signed", ["by itself", pytest.param("by another", marks=pytest.mark.soak)])
async def test_the_demo_over_https_goes_live_on_a_network_address(
    open_demo: StartDemo, tmp_path: Path, signed: str
) -> None:
    """Camera and microphone open on https under the machine's own address, and the engine's link trusts that server."""
    options = ["--self-signed"]
    if signed == "by another":
        certificate, key = signed_by_another(tmp_path)
        options = [f"--certfile={certificate}", f"--keyfile={key}"]
    notebook = await open_demo(*options)
    assert notebook.page.url.startswith(f"https://{machine_address()}:")
    assert await notebook.evaluate_quietly("isSecureContext") is True
    await notebook.run(0)
    view = LabView(notebook, 0)
    took_s = await view.start()
    kernel = await notebook.kernel()
    await kernel.wait_value("lab.state == 'live'")
    assert await kernel.value("lab.video.latest().image.shape") == [480, 640, 3]
    print(f"https, signed {signed}: click → live {took_s:.2f} s")
    if signed == "by itself":
        assert f"https://{machine_address()}:{notebook.server.port}/lab" in notebook.server.log()


@pytest.mark.soak
async def test_plain_http_on_a_network_address_names_the_way_out(open_demo: StartDemo) -> None:
    """The demo on a network address without https: it says so where it was started, and the page says what to do."""
    notebook = await open_demo("--ip=0.0.0.0")
    assert "add --self-signed" in notebook.server.log()
    await notebook.run(0)
    view = LabView(notebook, 0)
    await view.wait_link("open")
    await view.press("Start")
    said = await view.wait_problem("only on https or localhost pages")
    assert "smallrtc-lab demo --self-signed" in said
    assert f"localhost:{notebook.server.port}" in said
    await notebook.screenshot("insecure", view.root)
