"""A real Jupyter server in a process of its own: address, token, kernels, notebooks, log."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Literal

import httpx
import nbformat
import psutil

from .kernel import Kernel, connect_kernel
from .processes import CHECKOUT, ProcessFamily, runs_from_checkout

__all__ = ["JupyterServer", "free_port", "make_notebook"]

QUIET_SETTINGS = {
    "@jupyterlab/apputils-extension:notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
    "@jupyterlab/docmanager-extension:plugin": {"autosave": False},
}


def free_port() -> int:
    """A TCP port on loopback that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def make_notebook(cells: list[str]) -> nbformat.NotebookNode:
    """A notebook with these code cells; `%%markdown` begins a text cell."""
    made = []
    for source in cells:
        if source.startswith("%%markdown\n"):
            made.append(nbformat.v4.new_markdown_cell(source.removeprefix("%%markdown\n")))
        else:
            made.append(nbformat.v4.new_code_cell(source))
    spec = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    return nbformat.v4.new_notebook(cells=made, metadata={"kernelspec": spec})


class JupyterServer:
    """A running `jupyter lab` (or plain `jupyter server`) with its own HOME, port, token and log file.

    `arguments` are added to its command line, `extra` to its environment; `enter` is the command that runs it in
    another network namespace, to which the test must have made a way (`matrixtunnel.py`). `start()` returns once its
    `/api` answers; `stop()` ends it as Ctrl-C does and returns a description of each process that had to be killed.
    """

    def __init__(
        self,
        directory: Path,
        *,
        app: Literal["lab", "server"] = "lab",
        base_url: str = "/",
        arguments: tuple[str, ...] = (),
        extra: dict[str, str] | None = None,
        enter: tuple[str, ...] = (),
    ) -> None:
        self.app = app
        self.port = free_port()
        self.token = secrets.token_hex(16)
        self.base_url = base_url
        self.url = f"http://127.0.0.1:{self.port}{base_url}"
        self.headers = {"Authorization": f"token {self.token}"}
        self.home = directory / "home"
        self.root = directory / "notebooks"
        self.log_file = directory / "server.log"
        self.family = ProcessFamily(self.home)
        self.arguments = arguments
        self.extra = extra or {}
        self.enter = enter
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, timeout_s: float = 120.0) -> JupyterServer:
        """Start it and wait for its `/api`. AssertionError, with its log, when it is not there in time."""
        self.home.mkdir(parents=True)
        self.root.mkdir(exist_ok=True)
        self.write_configuration(self.home / "jupyter-config")
        with self.log_file.open("wb") as log:
            self.process = subprocess.Popen(
                [*self.enter, *self.command()],
                cwd=self.root,
                env=self.family.environment({"JUPYTER_TOKEN": self.token} | self.extra),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.wait_ready(time.monotonic() + timeout_s)
        return self

    def write_configuration(self, directory: Path) -> None:
        (directory / "labconfig").mkdir(parents=True)
        (directory / "labconfig" / "default_setting_overrides.json").write_text(json.dumps(QUIET_SETTINGS))
        if runs_from_checkout():  # an installed wheel brings its own etc/jupyter and share/jupyter
            shutil.copytree(CHECKOUT / "jupyter-config", directory / "jupyter_server_config.d")
            extension = CHECKOUT / "smallrtc_lab" / "static" / "labextension"
            shutil.copytree(extension, self.home / "jupyter-data" / "labextensions" / "smallrtc-lab")

    def command(self) -> list[str]:
        options = [
            f"--ServerApp.port={self.port}",
            "--ServerApp.port_retries=0",
            "--ServerApp.ip=127.0.0.1",
            f"--ServerApp.base_url={self.base_url}",
            f"--ServerApp.root_dir={self.root}",
            "--ServerApp.open_browser=False",
            "--ServerApp.allow_root=True",
        ]
        if self.app == "lab":
            options.append("--LabApp.expose_app_in_browser=True")
        module = {"lab": "jupyterlab", "server": "jupyter_server"}[self.app]
        return [sys.executable, "-P", "-m", module, *options, *self.arguments]

    def wait_ready(self, deadline: float) -> None:
        assert self.process is not None
        while True:
            try:
                if httpx.get(f"{self.url}api", headers=self.headers, timeout=30, trust_env=False).is_success:
                    return
            except httpx.TransportError:
                pass
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise AssertionError(f"Jupyter did not start:\n{self.log()}")
            time.sleep(0.1)

    def stop(self, timeout_s: float = 60.0) -> list[str]:
        """End the server and all it started; a list of what did not end by itself, empty when all is well."""
        if self.process is None:
            return []
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(30)
        return self.family.end(20.0)

    def standing(self) -> tuple[int, ...]:
        """The process ids of the server itself, which are there before any kernel and after the last."""
        assert self.process is not None
        return (self.process.pid,)

    def log(self) -> str:
        """Everything the server, its kernels and their engines printed so far."""
        return self.log_file.read_text(errors="replace")

    def client(self, **options: Any) -> httpx.AsyncClient:
        """An HTTP client with the token in its headers, paths relative to `url`: `smallrtc/start`."""
        return httpx.AsyncClient(
            **({"base_url": self.url, "headers": self.headers, "timeout": 30, "trust_env": False} | options)
        )

    async def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One authenticated request; `options` go to httpx (`json=`, `content=`, `headers=`)."""
        async with self.client() as client:
            return await client.request(method, path, **options)

    async def start_kernel(self, path: str = "") -> Kernel:
        """Start a kernel without a notebook, in the folder `path`, and connect to it."""
        answer = await self.request("POST", "api/kernels", json={"name": "python3", "path": path})
        return await self.connect(answer.raise_for_status().json()["id"])

    async def connect(self, kernel_id: str) -> Kernel:
        """Connect to a running kernel of this server through its connection file."""
        connection_file = self.home / "jupyter-runtime" / f"kernel-{kernel_id}.json"
        return await connect_kernel(connection_file, ServedKernel(self, kernel_id), kernel_id)

    def write_notebook(self, name: str, cells: list[str]) -> str:
        """Save a notebook with these cells; its path."""
        notebook = make_notebook(cells)
        answer = httpx.put(
            f"{self.url}api/contents/{name}",
            headers=self.headers,
            json={"type": "notebook", "format": "json", "content": notebook},
            timeout=60,
            trust_env=False,
        )
        return str(answer.raise_for_status().json()["path"])

    def read_notebook(self, path: str) -> nbformat.NotebookNode:
        """The notebook as it lies on the disk."""
        return nbformat.read(self.root / path, as_version=4)


class ServedKernel:
    """The owner of a kernel that a Jupyter server runs: its REST API."""

    def __init__(self, server: JupyterServer, kernel_id: str) -> None:
        self.server = server
        self.kernel_id = kernel_id
        self.last_pid = 0

    async def interrupt(self) -> None:
        await self.post("interrupt")

    async def restart(self) -> None:
        await self.post("restart")

    async def shutdown(self) -> None:
        answer = await self.server.request("DELETE", f"api/kernels/{self.kernel_id}")
        if answer.status_code != 404:
            answer.raise_for_status()

    async def post(self, action: str) -> None:
        (await self.server.request("POST", f"api/kernels/{self.kernel_id}/{action}")).raise_for_status()

    def pid(self) -> int:
        named = f"kernel-{self.kernel_id}.json"
        for process in self.server.family.members():
            try:
                command = process.cmdline()
            except psutil.Error:  # it ended between the list and the look
                continue
            if "-f" in command and any(named in word for word in command):
                self.last_pid = process.pid
        return self.last_pid
