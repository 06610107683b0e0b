"""A pod of Binder's, as far as one machine can have it: namespaces, a real proxy, BinderHub's way to start JupyterLab.

    pod 10.1.0.2 ── 10.1.0.1 cluster 10.2.0.1 ── 10.2.0.2 browser

The cluster has configurable-http-proxy, with https, as the only way in. Out of the pod go DNS, and a few TCP ports into
the world; no other datagram leaves or enters it, and nobody is told. Everything in the pod shares one processor. The
rules, the command line, the variables and Jupyter's settings are those of jupyterhub/binderhub
(``binderspawner_mixin.py``) and of jupyterhub/mybinder.org-deploy (``mybinder/values.yaml``,
``mybinder/templates/netpol.yaml``). Not here: what is sent into the world is not held to 1 Mbit/s, which on Binder the
way through the proxy is not either.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import stat
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from .authority import make_authority
from .binder_image import BinderImage
from .chromium import chromium_path
from .jupyter import JupyterServer
from .kernel import Kernel
from .matrixtunnel import tunnel
from .namespaces import ROUTER_SEEN_BY_B, Host, Network
from .notebookpage import NotebookPage
from .processes import CHECKOUT

__all__ = ["BINDER", "BinderPage", "BinderPod", "Culling", "chromium_on"]

BINDER = CHECKOUT / "binder"
USER = "smallrtc-lab-7mk2xq1f"
POD = "10.1.0.2"
WORLD_PORTS = "{ 80, 443, 9418, 873, 1094, 1095, 16286, 4001 }"
RULES = f"""
table inet binder {{
  chain forward {{
    type filter hook forward priority 0; policy drop;
    ct state established,related accept
    iif ra ip daddr 10.0.0.0/8 meta l4proto {{ tcp, udp }} th dport 53 accept
    iif ra ip daddr != {{ 10.0.0.0/8, 169.254.169.254 }} tcp dport {WORLD_PORTS} accept
  }}
  chain input {{
    type filter hook input priority 0; policy accept;
    ct state established,related accept
    iif ra meta l4proto {{ tcp, udp }} th dport 53 accept
    iif ra drop
  }}
}}
"""
VARIABLES = {
    "BINDER_LAUNCH_HOST": "https://mybinder.org/",
    "BINDER_REPO_URL": "https://github.com/someone/smallrtc-lab",
    "BINDER_REF_URL": "https://github.com/someone/smallrtc-lab/tree/main",
    "BINDER_REQUEST": "v2/gh/someone/smallrtc-lab/main",
    "BINDER_PERSISTENT_REQUEST": "v2/gh/someone/smallrtc-lab/main",
    "JUPYTERHUB_API_URL": "http://10.3.0.1:8081/hub/api",
    "JUPYTERHUB_BASE_URL": "/",
    "JUPYTERHUB_SERVICE_PREFIX": f"/user/{USER}/",
    "JUPYTERHUB_USER": USER,
    "KUBERNETES_SERVICE_HOST": "10.3.0.2",
    "CPU_LIMIT": "1.0",
    "MEM_LIMIT": str(2 * 1024**3),
}
FIGURES = (
    "(lambda stats: {'pictures/s': stats['fps'], 'page delay ms': stats['page'].get('rtt_ms'), "
    "'camera to function ms': stats['delays']['capture_to_callback']['median_ms'], "
    "'engine cores': stats['rates']['engine_cores']})(lab.stats())"
)
ADD_ROUTE = """
import sys, time, urllib.request
url, secret, target = sys.argv[1:]
headers = {"Authorization": "token " + secret, "Content-Type": "application/json"}
request = urllib.request.Request(url, b'{"target": "%s"}' % target.encode(), headers)
end = time.monotonic() + 60
while True:
    try:
        sys.exit(urllib.request.urlopen(request, timeout=30).close())
    except OSError:
        if time.monotonic() > end:
            raise
        time.sleep(0.1)
"""


@dataclass(frozen=True)
class Culling:
    """How long a kernel may be idle, also while a page is connected to it, and how often that is looked at."""

    idle_s: int = 600
    interval_s: int = 60


class BinderPod(JupyterServer):
    """The server of somebody who came to Binder; its notebooks are copies of this repository's.

    ``url`` is the test's own way in, a tunnel; ``address`` is the browser's, through the proxy. Without an
    ``image`` it is the environment of the tests themselves.
    """

    def __init__(
        self,
        directory: Path,
        network: Network,
        proxy: list[str],
        *,
        image: BinderImage | None = None,
        culling: Culling | None = None,
    ) -> None:
        super().__init__(
            directory, base_url=f"/user/{USER}/", extra=dict(VARIABLES), enter=on_one_cpu(network.a)
        )
        self.address = f"https://{ROUTER_SEEN_BY_B}:8443{self.base_url}"
        self.network = network
        self.proxy_command = proxy
        self.proxy: subprocess.Popen[bytes] | None = None
        self.image = image
        self.root = image.repository if image else self.root
        self.settings = directory / "etc" / "jupyter"
        self.culling = culling or Culling()
        self._ways = contextlib.ExitStack()

    def start(self, timeout_s: float = 180.0) -> BinderPod:
        """Rules, server and proxy; returns when the browser's way leads to it."""
        self.network.router.run(f"nft -f - <<'RULES'\n{RULES}\nRULES")
        self._ways.enter_context(tunnel(None, self.network.a, self.port))
        super().start(timeout_s)
        self._start_proxy()
        return self

    def write_configuration(self, directory: Path) -> None:
        """As for any server of a test, unless an environment brings all that; and mybinder.org's settings."""
        if self.image is None:
            super().write_configuration(directory)
            for name in ("binder", "notebooks"):
                shutil.copytree(CHECKOUT / name, self.root / name)
        else:
            self.extra |= self.image.environment
        self.extra["JUPYTER_CONFIG_PATH"] = str(self.settings)
        self.settings.mkdir(parents=True)
        (self.settings / "jupyter_server_config.json").write_text(json.dumps(self._settings()))

    def _settings(self) -> dict[str, Any]:
        idle = {"cull_idle_timeout": self.culling.idle_s, "cull_interval": self.culling.interval_s}
        return {
            "ServerApp": {
                "allow_origin": "*",
                "tornado_settings": {"trust_xheaders": True},
                "shutdown_no_activity_timeout": self.culling.idle_s,
            },
            "MappingKernelManager": idle | {"cull_connected": True},
            # The one thing that is not Binder's: a test reaches the kernel through files, from outside the namespace.
            "KernelManager": {"transport": "ipc"},
        }

    def command(self) -> list[str]:
        """BinderHub's, with what root and the tests need."""
        options = [
            f"base_url={self.base_url}",
            f"token={self.token}",
            "trust_xheaders=True",
            "allow_origin=*",
            "allow_origin_pat=.*",
        ]
        both = [f"--{app}.{option}" for app in ("NotebookApp", "ServerApp") for option in options]
        ours = ["--allow-root", "--no-browser", f"--ServerApp.root_dir={self.root}"]
        expose = "--LabApp.expose_app_in_browser=True"
        python = self.image.python if self.image else sys.executable
        return [
            str(python),
            "-P",
            "-m",
            "jupyterlab",
            "--ip=0.0.0.0",
            f"--port={self.port}",
            *both,
            *ours,
            expose,
        ]

    def _start_proxy(self) -> None:
        """A route for this one user, as the hub adds it."""
        certificate = make_authority(self.home.parent / "https", ROUTER_SEEN_BY_B)
        options = ["--ip", ROUTER_SEEN_BY_B, "--port", "8443", "--api-ip", "127.0.0.1", "--api-port", "8444"]
        options += [
            "--ssl-cert",
            str(certificate.certificate),
            "--ssl-key",
            str(certificate.key),
            "--log-level",
            "error",
        ]
        router = self.network.router
        with (self.home.parent / "proxy.log").open("wb") as log:
            self.proxy = subprocess.Popen(
                [*router.enter, *self.proxy_command, *options],
                env=os.environ | {"CONFIGPROXY_AUTH_TOKEN": self.token},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        route = f"http://127.0.0.1:8444/api/routes/user/{USER}"
        target = f"http://{POD}:{self.port}"
        add = [sys.executable, "-c", ADD_ROUTE, route, self.token, target]
        subprocess.run([*router.enter, *add], check=True, timeout=120)

    def stop(self, timeout_s: float = 60.0) -> list[str]:
        """End the server, the proxy and the way of the test; what did not end by itself."""
        left = super().stop(timeout_s)
        if self.proxy is not None:
            self.proxy.terminate()
            self.proxy.wait(30)
        self._ways.close()
        return left


class BinderPage(NotebookPage):
    """A page in the browser of the person, opened by the address to which Binder sends it."""

    async def open(self, timeout_s: float = 120.0) -> NotebookPage:
        """Come by the proxy, with the token in the address."""
        assert isinstance(self.server, BinderPod)
        await self.page.goto(f"{self.server.address}lab/tree/{self.path}?token={self.server.token}")
        await self.wait_kernel(timeout_s)
        return self


async def pod_figures(pod: BinderPod, kernel: Kernel, seconds: float = 5.0) -> str:
    """What the pod spends and what comes of it, in words."""
    before, begun = _cpu_s(pod), time.monotonic()
    gaps = await kernel.value(f"len((heard := lab.audio.record({seconds})).gaps)", seconds + 60)
    cores = (_cpu_s(pod) - before) / (time.monotonic() - begun)
    said = await kernel.value(FIGURES)
    figures = ", ".join(f"{name} {value}" for name, value in said.items())
    return f"pod {cores:.2f} of one processor; {figures}; {gaps} gaps of sound in {seconds:.0f} s"


def _cpu_s(pod: BinderPod) -> float:
    total = 0.0
    for process in pod.family.members():
        with contextlib.suppress(psutil.Error):
            times = process.cpu_times()
            total += times.user + times.system
    return total


def on_one_cpu(host: Host) -> tuple[str, ...]:
    """The command that runs another one on this host, on one processor of the machine's."""
    return (*host.enter, "taskset", "-c", str(min(os.sched_getaffinity(0))))


def chromium_on(host: Host, directory: Path) -> Path:
    """A program that starts Chromium on this host."""
    script = directory / "chromium-on-host"
    script.write_text(f'#!/bin/sh\nexec {" ".join(host.enter)} {chromium_path()} "$@"\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return script
