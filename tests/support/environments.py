"""Python environments beside the one that runs the tests, made in seconds: their packages are those of the tests, their
prefix is their own. So a Jupyter of such an environment has no server extension and no widgets but what is put there.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import nbformat

from .jupyter import QUIET_SETTINGS, JupyterServer, make_notebook
from .processes import CHECKOUT

__all__ = ["Environment", "ForeignJupyter", "KernelGateway", "build_wheel"]

KERNEL = "other"  # the name of the kernel that another environment has


class Environment:
    """A virtual environment that finds the packages of the tests' own environment behind its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        subprocess.run([sys.executable, "-m", "venv", str(directory)], check=True, timeout=300)
        self.python = directory / "bin" / "python"
        found = sysconfig.get_paths(vars={"base": str(directory), "platbase": str(directory)})["purelib"]
        (Path(found) / "borrowed.pth").write_text(sysconfig.get_paths()["purelib"])

    def add_widgets(self) -> None:
        """What `pip install anywidget` puts there for JupyterLab, and nothing of ours."""
        extensions = Path("share") / "jupyter" / "labextensions"
        for name in ("@jupyter-widgets", "anywidget"):
            shutil.copytree(Path(sys.prefix) / extensions / name, self.directory / extensions / name)

    def write_kernel(self, jupyter_data: Path) -> None:
        """A kernelspec of this environment, in a Jupyter's own data directory."""
        argv = [str(self.python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        directory = jupyter_data / "kernels" / KERNEL
        directory.mkdir(parents=True)
        about = {"argv": argv, "display_name": "Another environment", "language": "python"}
        (directory / "kernel.json").write_text(json.dumps(about))


def build_wheel(directory: Path) -> Path:
    """The wheel of this checkout, with the front end that is there."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "-w", str(directory), str(CHECKOUT)], check=True, timeout=300)
    (wheel,) = directory.glob("smallrtc_lab-*.whl")
    return wheel


class ForeignJupyter(JupyterServer):
    """JupyterLab of an environment that has nothing of ours, with kernels of another one where ``kernels`` is given."""

    def __init__(
        self, directory: Path, home: Environment, kernels: Environment | None = None, **options: Any
    ) -> None:
        super().__init__(directory, **options)
        self.environment = home
        self.kernels = kernels

    def write_configuration(self, directory: Path) -> None:
        """As a fresh installation has it; nothing of ours is copied anywhere."""
        (directory / "labconfig").mkdir(parents=True)
        (directory / "labconfig" / "default_setting_overrides.json").write_text(json.dumps(QUIET_SETTINGS))
        if self.kernels is not None:
            self.kernels.write_kernel(self.home / "jupyter-data")

    def command(self) -> list[str]:
        """With the application of the tests' own JupyterLab: a borrowed one has no built application in its prefix."""
        application = f"--LabApp.app_dir={Path(sys.prefix) / 'share' / 'jupyter' / 'lab'}"
        return [str(self.environment.python), *super().command()[1:], application]

    def write_notebook(self, name: str, cells: list[str]) -> str:
        """Save a notebook whose kernel is the other environment's, where there is one."""
        notebook = make_notebook(cells)
        if self.kernels is not None:
            notebook.metadata["kernelspec"] = {"name": KERNEL, "display_name": KERNEL, "language": "python"}
        nbformat.write(notebook, self.root / name)
        return name


class KernelGateway(JupyterServer):
    """A Jupyter Kernel Gateway: it runs kernels for a JupyterLab that was started with ``--gateway-url``."""

    def command(self) -> list[str]:
        """Without a login, as behind a firewall; its kernels get of its environment what is named, and no more."""
        names = sorted(self.family.environment().keys() - os.environ.keys() | {"HOME", "PYTHONPATH"})
        passed = [f"--KernelGatewayApp.env_process_whitelist={name}" for name in names]
        address = ("--KernelGatewayApp.ip=127.0.0.1", f"--KernelGatewayApp.port={self.port}")
        return [sys.executable, "-P", "-m", "kernel_gateway", *address, *passed]
