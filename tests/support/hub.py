"""A real JupyterHub: hub, configurable-http-proxy and a single-user JupyterLab behind it, each a process of its own."""

from __future__ import annotations

import secrets
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
from playwright.async_api import BrowserContext

from .jupyter import JupyterServer, free_port
from .node import node, npm_script

__all__ = ["JupyterHub", "install_proxy"]

PACKAGE = Path(__file__).parents[1] / "clients" / "proxy"
USER = "ann"
CONFIG = """
c = get_config()
c.JupyterHub.bind_url = "http://127.0.0.1:{port}{prefix}"
c.JupyterHub.hub_port = {hub_port}
c.JupyterHub.db_url = "sqlite:///{home}/hub.sqlite"
c.JupyterHub.cookie_secret_file = "{home}/cookie_secret"
c.ConfigurableHTTPProxy.command = {proxy!r}
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{proxy_port}"
c.ConfigurableHTTPProxy.pid_file = "{home}/proxy.pid"
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = "{password}"
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = "{home}"
c.Spawner.cmd = [{python!r}, "-P", "-m", "jupyterhub.singleuser"]
c.Spawner.args = {arguments!r}
c.Spawner.notebook_dir = "{root}"
c.Spawner.environment = {environment!r}
c.Spawner.start_timeout = c.Spawner.http_timeout = 120
c.JupyterHub.services = [{{"name": "tests", "api_token": "{token}"}}]
c.JupyterHub.load_roles = [
    {{"name": "tests", "services": ["tests"], "scopes": ["admin:users", "admin:servers", "access:servers"]}}
]
"""


def install_proxy(directory: Path) -> list[str]:
    """Install configurable-http-proxy, as its lock file names it; its command."""
    directory.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(PACKAGE / name, directory)
    npm = [str(node()), str(npm_script()), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    subprocess.run(npm, cwd=directory, check=True, capture_output=True, timeout=300)
    return [str(node()), str(directory / "node_modules/configurable-http-proxy/bin/configurable-http-proxy")]


class JupyterHub(JupyterServer):
    """A hub whose one user's server is running; ``url`` and ``headers`` are those of that server.

    A browser logs in with a name and a password, see :meth:`log_in`.
    """

    def __init__(self, directory: Path, proxy: list[str], **options: Any) -> None:
        super().__init__(directory, **options)
        self.proxy = proxy
        self.password = secrets.token_hex(8)
        self.hub_url = self.url
        self.url = f"{self.hub_url}user/{USER}/"
        self.without_kernels: tuple[int, ...] = ()

    def write_configuration(self, directory: Path) -> None:
        """As for any server, and the hub's own."""
        super().write_configuration(directory)
        names = ("JUPYTER", "IPYTHON", "MPL", "XDG", "SMALLRTC", "PYTHONPATH")
        environment = {k: v for k, v in self.family.environment(self.extra).items() if k.startswith(names)}
        single_user = ["--allow-root", "--LabApp.expose_app_in_browser=True", *self.arguments]
        config = CONFIG.format(
            port=self.port,
            prefix=self.base_url,
            hub_port=free_port(),
            proxy_port=free_port(),
            home=self.home,
            root=self.root,
            proxy=self.proxy,
            password=self.password,
            python=sys.executable,
            arguments=single_user,
            environment=environment,
            token=self.token,
        )
        (self.home / "jupyterhub_config.py").write_text(config)

    def command(self) -> list[str]:
        """How the hub is started; it starts the proxy and the user's server."""
        return [sys.executable, "-P", "-m", "jupyterhub", "-f", str(self.home / "jupyterhub_config.py")]

    def wait_ready(self, deadline: float) -> None:
        """Wait for the hub, have it start the user's server, and wait for that."""
        assert self.process is not None
        with httpx.Client(headers=self.headers, timeout=120, trust_env=False) as client:
            self._poll(client, f"{self.hub_url}hub/api/", deadline)
            client.post(f"{self.hub_url}hub/api/users/{USER}")
            client.post(f"{self.hub_url}hub/api/users/{USER}/server").raise_for_status()
            self._poll(client, f"{self.url}api/status", deadline)
        self.without_kernels = tuple(process.pid for process in self.family.members())

    def standing(self) -> tuple[int, ...]:
        """Those of the hub, the proxy and the user's server."""
        return self.without_kernels

    def _poll(self, client: httpx.Client, url: str, deadline: float) -> None:
        assert self.process is not None
        while True:
            try:
                if client.get(url).is_success:
                    return
            except httpx.TransportError:
                pass
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise AssertionError(f"{url} did not answer:\n{self.log()}")
            time.sleep(0.2)

    async def log_in(self, context: BrowserContext) -> None:
        """What a person does first, in the hub's own form."""
        page = await context.new_page()
        await page.goto(f"{self.hub_url}hub/login")
        await page.fill("input[name=username]", USER)
        await page.fill("input[name=password]", self.password)
        await page.click("input[type=submit]")
        await page.wait_for_url("**/user/**")
        await page.close()
