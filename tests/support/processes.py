"""Processes that tests start, found again by a mark in their environment.

A kernel runs in a session of its own and an engine is a grandchild, so neither a process group nor a tree of
parents finds everything once something died. What every descendant inherits is its environment.
"""

from __future__ import annotations

import os
import sys
import time
import uuid
from pathlib import Path

import psutil

import smallrtc_lab

__all__ = ["CHECKOUT", "ProcessFamily", "package_root", "runs_from_checkout"]

MARK = "SMALLRTC_LAB_TEST_FAMILY"
CHECKOUT = Path(__file__).resolve().parents[2]
DROPPED = ("JUPYTER", "JPY_", "SMALLRTC", "IPYTHON", "PYTHONPATH", "PYTEST", "VIRTUAL_ENV", "MPLBACKEND")


def package_root() -> Path:
    """The directory in which the tested `smallrtc_lab` lies: site-packages, or the checkout."""
    return Path(smallrtc_lab.__file__).resolve().parents[1]


def runs_from_checkout() -> bool:
    """Whether the tests run on the checkout's files instead of an installed wheel."""
    return package_root() == CHECKOUT


class ProcessFamily:
    """All processes that were started, directly or not, with `environment()`.

    `home` becomes their HOME and holds every directory Jupyter writes to, so that nothing of the person's own
    configuration is read or changed.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self.mark = uuid.uuid4().hex

    def environment(self, extra: dict[str, str] | None = None) -> dict[str, str]:
        """A child's environment: own HOME, own Jupyter directories, this Python first on the PATH."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(DROPPED)}
        own = {
            "HOME": self.home,
            "JUPYTER_CONFIG_DIR": self.home / "jupyter-config",
            "JUPYTER_DATA_DIR": self.home / "jupyter-data",
            "JUPYTER_RUNTIME_DIR": self.home / "jupyter-runtime",
            "IPYTHONDIR": self.home / "ipython",
            "MPLCONFIGDIR": self.home.parent / "matplotlib",  # shared: building its font cache takes seconds
            "XDG_CACHE_HOME": self.home / "cache",
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", os.defpath)]),
            MARK: self.mark,
        }
        for name, value in own.items():
            kept[name] = str(value)
        if runs_from_checkout():
            kept["PYTHONPATH"] = str(CHECKOUT)
        return kept | (extra or {})

    def members(self) -> list[psutil.Process]:
        """The living processes of this family; zombies are dead."""
        return [process for process in psutil.process_iter() if self.owns(process)]

    def owns(self, process: psutil.Process) -> bool:
        try:
            return process.environ().get(MARK) == self.mark and process.status() != psutil.STATUS_ZOMBIE
        except (psutil.Error, OSError):
            return False

    def wait_gone(self, timeout_s: float, *, but: tuple[int, ...] = ()) -> list[str]:
        """Wait until no member is left but the process ids `but`; the rest, described, else."""
        deadline = time.monotonic() + timeout_s
        while True:
            left = [process for process in self.members() if process.pid not in but]
            if not left or time.monotonic() > deadline:
                return [describe(process) for process in left]
            time.sleep(0.05)

    def end(self, timeout_s: float = 20.0, *, but: tuple[int, ...] = ()) -> list[str]:
        """Wait for the members to end by themselves, then kill; `but` stay. What had to be killed, described."""
        left = self.wait_gone(timeout_s, but=but)
        strays = [process for process in self.members() if process.pid not in but]
        for process in strays:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(strays, timeout=20)
        return left


def describe(process: psutil.Process) -> str:
    try:
        return f"{process.pid}: {' '.join(process.cmdline())[:200]}"
    except psutil.Error:
        return f"{process.pid}: ended meanwhile"
