"""Which home a lab has whose pages no server extension leads to Python, and what a person is told of it.

A page there speaks through the notebook's own comm (see :mod:`.comm`). What is missing differs: a Jupyter that was not
restarted, a server with an environment of its own, a kernel gateway, VS Code, Colab. All sentences are made here, so
that the page, ``lab.diagnose()`` and the still sentence of a widget that cannot be shown say the same.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import shlex
import sys
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from smallrtc_lab.places import Place, PlaceKind, find_place

from .access import Access
from .cell import in_kernel, in_vscode, notebook_path

__all__ = ["Home", "find_home", "install_command", "running_page", "still_sentence"]

_COST = "the page and Python speak through the notebook: while a cell runs, Start may wait for it."
_RESTART = "restart Jupyter (the server, not only the kernel)"
_DIRECT = "The kernel's machine must be reached by UDP, or through a TURN server: Lab(ice_servers=…)."


@dataclass(frozen=True)
class Home:
    """``missing`` is one sentence, ``next_step`` the thing to do or None, ``notice`` what the widget shows.

    ``page`` is what to do where the page may open no camera, ``url`` its address where that is known, and ``no_path``
    what to do when no way for media is found; None where the page's own words are right.
    """

    kind: str
    missing: str
    next_step: str | None
    page: str | None = None
    url: str | None = None
    no_path: str | None = None

    @property
    def notice(self) -> str:
        """What the widget shows before Start."""
        cost = _COST[0].upper() + _COST[1:] if self.next_step is None else f"Until then {_COST}"
        return " ".join(filter(None, (self.missing, self.next_step, cost)))

    def to_json(self) -> dict[str, Any]:
        """As a page gets it."""
        return {**asdict(self), "notice": self.notice}


def find_home(
    link: str, reason: str = "", place: Place | None = None, server: tuple[str, ...] | None = None
) -> Home:
    """The home. ``link`` is how the engine stands with the server (``none dialling linked lost``), and why.

    ``server`` is the command line of the process that started this kernel; it is looked up where it is not given.
    """
    place = place or find_place()
    kind = place.kind
    if link == "linked":
        return Home(kind.value, "This page does not reach Jupyter's server extension.", None)
    if kind is PlaceKind.VSCODE or in_vscode():
        return _vscode()
    if kind is PlaceKind.COLAB:
        missing = "Colab runs no Jupyter server extension."
        return Home(kind.value, missing, None, no_path=f"{place.sentence} Name one: Lab(ice_servers=…).")
    if kind is PlaceKind.GATEWAY:
        missing = "A kernel gateway runs this kernel, and Jupyter's server extension does not reach it."
        return Home(kind.value, missing, None, no_path=_DIRECT)
    if link in ("dialling", "lost"):
        why = f" ({reason})" if reason else ""
        return Home(kind.value, f"Python does not reach Jupyter's server extension{why}.", None)
    return _without_extension(kind.value, starter() if server is None else server)


def still_sentence(otherwise: str, access: Access) -> str:
    """What stands where a widget cannot be shown: in a Jupyter that lacks the widgets, what to install there.

    A Jupyter server shows widgets only when its own environment has their front ends, which come with smallrtc-lab.
    """
    if access.has_server or not in_kernel():
        return otherwise
    home = find_home("none")
    return " ".join(filter(None, (otherwise, home.missing, home.next_step, "Then reload this page.")))


def _vscode() -> Home:
    path, url = notebook_path(), running_page()
    command = f"jupyter lab {shlex.quote(str(path))}" if path else "jupyter lab"
    page = "Open this page in a browser:" + ("" if url else f" run {command} in a terminal.")
    return Home("vscode", "VS Code runs no Jupyter server extension.", None, page, url)


def _without_extension(kind: str, server: tuple[str, ...]) -> Home:
    words = " ".join(server)
    if "voila" in words:
        missing = "Voilà by itself runs no Jupyter server extension."
        step = "Open it inside Jupyter instead (the address with /voila/render/)."
    elif "jupyter" not in words:
        missing = "No Jupyter server extension of smallrtc-lab's runs here."
        step = f"Install smallrtc-lab where Jupyter itself runs, and {_RESTART}."
    elif Path(server[0]).parent.parent.resolve() == Path(sys.prefix).resolve():
        missing = (
            "This Jupyter runs without smallrtc-lab's server extension, which was installed after its start."
        )
        step = f"To load it, {_RESTART}."
    else:
        missing = "The Jupyter server has an environment of its own, and smallrtc-lab is not in it."
        step = f"Run {install_command(server[0])} in a terminal, and {_RESTART}."
    return Home(
        kind, missing, step, no_path=f"{step} Then media go through Jupyter where nothing else is found."
    )


def starter() -> tuple[str, ...]:
    """The command line of the process that started this kernel; empty where the system does not tell."""
    number = os.environ.get("JPY_PARENT_PID", "")  # jupyter_client sets it
    try:
        words = Path(f"/proc/{int(number)}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return ()
    return tuple(word.decode(errors="replace") for word in words if word)


def install_command(python: str) -> str:
    """How what is installed here is installed in that Python's environment: the same file, folder or release."""
    try:
        told = importlib.metadata.distribution("smallrtc-lab").read_text("direct_url.json")  # PEP 610
    except importlib.metadata.PackageNotFoundError:
        told = None
    url = urllib.parse.urlsplit(json.loads(told)["url"]) if told else None
    source = urllib.parse.unquote(url.path) if url is not None and url.scheme == "file" else "smallrtc-lab"
    return f"{shlex.quote(python)} -m pip install {shlex.quote(source)}"


def running_page(path: Path | None = None, alive: Callable[[int], bool] | None = None) -> str | None:
    """The address of this notebook in a JupyterLab that runs on this machine; None where none shows its folder.

    Jupyter servers write what they serve into files of their runtime folder. The token there stays there.
    """
    from jupyter_core.paths import jupyter_runtime_dir

    path = path or notebook_path()
    if path is None:
        return None
    for file in sorted(Path(jupyter_runtime_dir()).glob("jpserver-*.json")):
        try:
            served: Mapping[str, Any] = json.loads(file.read_text())
            inside = path.relative_to(served["root_dir"])
            if (alive or _lives)(int(served["pid"])):
                return f"{served['url']}lab/tree/{urllib.parse.quote(inside.as_posix())}"
        except (OSError, ValueError, KeyError):  # half written, gone, or of another folder
            continue
    return None


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return True
