"""What repo2docker does with the files of ``binder/``, in a virtual environment in the place of an image."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import yaml

from .processes import CHECKOUT

__all__ = ["BinderImage", "build_image", "find_python"]

# repo2docker, buildpacks/conda/environment.py-3.12.yml: what is there before a repository's own files are read
BASE = (
    "ipywidgets==8.*",
    "jupyter-resource-usage==1.*",
    "jupyter_server==2.*",
    "jupyterhub==5.*",
    "jupyterlab==4.*",
    "notebook==7.*",
)
NOT_CLONED = shutil.ignore_patterns(
    ".git",
    "node_modules",
    "__pycache__",
    "static",
    ".venv*",
    "test-results",
    "dist",
    "*.egg-info",
    ".*_cache",
)


@dataclass(frozen=True)
class BinderImage:
    """``python`` of the environment, the ``repository`` as it lies there, and the ``home`` of its user."""

    python: Path
    repository: Path
    home: Path

    @property
    def environment(self) -> dict[str, str]:
        """What is set beside the variables of a test's processes: nothing of their own environment is found."""
        return {
            "HOME": str(self.home),
            "XDG_CACHE_HOME": str(self.home / ".cache"),
            "MPLCONFIGDIR": "",
            "PYTHONPATH": "",
            "PATH": f"{self.python.parent}{os.pathsep}{os.environ['PATH']}",
        }


def find_python(version: str) -> Path | None:
    """An interpreter of this version (`3.12`): of the variable SMALLRTC_LAB_PYTHON312, or on the PATH."""
    named = os.environ.get(f"SMALLRTC_LAB_PYTHON{version.replace('.', '')}")
    found = shutil.which(named or f"python{version}")
    if found is None:
        return None
    said = subprocess.run([found, "--version"], capture_output=True, text=True, timeout=60)
    return Path(found) if said.stdout.startswith(f"Python {version}.") else None


def wanted_python() -> str:
    """The version that ``environment.yml`` asks for; AssertionError when it asks for anything that is not done here."""
    asked = yaml.safe_load((CHECKOUT / "binder" / "environment.yml").read_text())["dependencies"]
    assert asked[1:] == ["pip"], "this builder knows of Python and pip alone"
    return str(asked[0]).removeprefix("python=")


def build_image(directory: Path) -> BinderImage | None:
    """Make the environment, clone and run ``postBuild``; None where there is no such Python. Takes minutes."""
    python = find_python(wanted_python())
    if python is None:
        return None
    image = BinderImage(directory / "env" / "bin" / "python", directory / "repository", directory / "home")
    image.home.mkdir(parents=True)
    shutil.copytree(CHECKOUT, image.repository, ignore=NOT_CLONED)
    environment = {
        k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV", "JUPYTER"))
    }
    environment |= image.environment

    def run(*command: str | Path) -> None:
        done = subprocess.run(
            command, cwd=image.repository, env=environment, capture_output=True, text=True, timeout=1200
        )
        assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"

    run(python, "-m", "venv", directory / "env")
    run(image.python, "-m", "pip", "install", "-q", *BASE)
    run("binder/postBuild")
    return image
