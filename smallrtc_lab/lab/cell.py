"""Where the code runs: which cell, which loop, which kernel. Everything about IPython is asked here."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import html
import json
import os
import re
import sys
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = [
    "CellOutput",
    "Place",
    "Places",
    "current_place",
    "in_kernel",
    "in_vscode",
    "link_arguments",
    "notebook_path",
    "on_main_loop",
    "progress",
    "starting_folder",
    "variables_of",
]


def _shell() -> Any:
    """The running IPython shell, or None; IPython is not imported for the question."""
    ipython = sys.modules.get("IPython")
    return None if ipython is None else ipython.get_ipython()


def in_kernel() -> bool:
    """Whether this is a Jupyter kernel, not a script."""
    return getattr(_shell(), "kernel", None) is not None


@dataclass(frozen=True)
class Place:
    """A cell (None outside a notebook) and one run of it; ``prompt`` is the number in its ``In [3]``."""

    cell: str | None
    run: str
    prompt: int | None = None


def current_place() -> Place:
    """The cell that runs at this moment. JupyterLab and Notebook name it in the request's metadata."""
    shell = _shell()
    kernel = getattr(shell, "kernel", None)
    parent = kernel.get_parent() if kernel is not None else {}
    cell = parent.get("metadata", {}).get("cellId")
    return Place(cell, parent.get("header", {}).get("msg_id", "script"), _prompt(shell))


class Places:
    """Counts what a cell makes: the first thing of a run has the same place as the first of the run before."""

    def __init__(self) -> None:
        self._run = ""
        self._in_this_run = 0

    def next(self) -> str:
        """The place of what is made now; a script's places are never taken twice."""
        place = current_place()
        if place.run != self._run:
            self._run, self._in_this_run = place.run, 0
        self._in_this_run += 1
        return f"cell:{place.cell or place.run}:{self._in_this_run}"


def _prompt(shell: Any) -> int | None:
    """The number of the cell that runs, by IPython's list of inputs, which begins with an empty one.

    Its ``execution_count`` is the next cell's already since IPython 9, and this cell's before.
    """
    history = getattr(shell, "history_manager", None)
    return None if history is None else len(history.input_hist_parsed) - 1


def starting_folder() -> Path | None:
    """Where the kernel was started, which is where its notebook is; None outside a notebook."""
    shell = _shell()
    return None if getattr(shell, "kernel", None) is None else Path(shell.starting_dir)


def in_vscode() -> bool:
    """Whether VS Code's notebooks use this kernel: they name their file in a variable."""
    return "__vsc_ipynb_file__" in getattr(_shell(), "user_ns", {})


def notebook_path() -> Path | None:
    """The notebook's file where its host tells: VS Code by a variable, a Jupyter server by the environment."""
    told = getattr(_shell(), "user_ns", {}).get("__vsc_ipynb_file__") or os.environ.get("JPY_SESSION_NAME")
    path = Path(told) if isinstance(told, str) else None
    return path if path is not None and path.suffix == ".ipynb" and path.is_absolute() else None


def variables_of(thing: object) -> list[str]:
    """The names by which a person's cells know an object, the first one first."""
    named = getattr(_shell(), "user_ns", {})
    return [name for name, value in list(named.items()) if value is thing and not name.startswith("_")]


def on_main_loop(call: Callable[[], None]) -> None:
    """Run ``call`` soon on the kernel's main loop, where a cell's code runs; at once where there is no kernel."""
    loop = getattr(getattr(_shell(), "kernel", None), "io_loop", None)
    if loop is None:
        call()
    else:
        loop.add_callback(call)


def link_arguments(program: str | None = None) -> dict[str, Any] | None:
    """How the engine, or a program beside it, reaches the Jupyter server of this kernel; None where there is none.

    The address is inherited from the server; the proof is an HMAC with the key of the kernel's connection file.
    """
    server = os.environ.get("SMALLRTC_LAB_SERVER")
    connection_file = _connection_file()
    if not server or connection_file is None:
        return None
    match = re.fullmatch(r"kernel-(.+)\.json", connection_file.name)
    if match is None:
        return None
    kernel_id = match[1] if program is None else f"{match[1]}/{program}"
    key = json.loads(connection_file.read_text())["key"].encode()
    proof = hmac.new(key, f"smallrtc-link:{kernel_id}".encode(), hashlib.sha256).hexdigest()
    certificate = os.environ.get("SMALLRTC_LAB_SERVER_CERT")
    return {"server": server, "kernel_id": kernel_id, "proof": proof, "certificate": certificate}


def _connection_file() -> Path | None:
    kernel_app = sys.modules.get("ipykernel.kernelapp")
    if kernel_app is None or not kernel_app.IPKernelApp.initialized():
        return None
    return Path(kernel_app.IPKernelApp.instance().abs_connection_file)


class CellOutput:
    """One line of output in the cell that made it, which can be changed later and from any thread.

    It is a display with an id: front ends change it wherever it stands, also minutes later while another cell runs.
    Outside a notebook the text goes to standard error.
    """

    def __init__(self) -> None:
        self._display_id = uuid.uuid4().hex
        self._shown = False

    def show(self, text: str, markup: str) -> None:
        """Show ``text``, as ``markup`` where HTML can be shown; must first be called from the cell itself."""
        shell = _shell()
        if getattr(shell, "kernel", None) is None:
            if text:
                print(text, file=sys.stderr)  # noqa: T201 - a script's place to say so
            return
        content = {"text/plain": text, "text/html": markup}
        shell.display_pub.publish(content, transient={"display_id": self._display_id}, update=self._shown)
        self._shown = True


class _Progress:
    """A bar under the running cell, gone when it is done."""

    def __init__(self, label: str) -> None:
        self._label = html.escape(label)
        self._output = CellOutput()
        self._percent = -1

    def update(self, fraction: float) -> None:
        percent = min(100, int(fraction * 100))
        if percent // 4 != self._percent // 4:
            self._percent = percent
            markup = f'<progress max="100" value="{percent}"></progress> {self._label}'
            self._output.show("" if _shell() is None else f"{self._label} {percent} %", markup)

    def done(self) -> None:
        if _shell() is not None:
            self._output.show("", "")


@contextlib.contextmanager
def progress(label: str) -> Any:
    """Shows ``label`` with a bar; yields a function that takes the fraction done, 0 to 1."""
    bar = _Progress(label)
    bar.update(0.0)
    try:
        yield bar.update
    finally:
        bar.done()
