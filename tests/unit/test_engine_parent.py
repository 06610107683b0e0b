"""The engine's watch over its parent process."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from smallrtc_lab.engine import parent

CHILD = """
import os, sys, time
from smallrtc_lab.engine.parent import watch_parent
import threading
gone = threading.Event()
watch_parent(int(sys.argv[1]), gone.set)
print("watching", flush=True)
print(gone.wait(20), flush=True)
"""
# The one in between starts the child, tells its pid, and ends when its input does.
BETWEEN = """
import os, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", sys.argv[1], str(os.getpid())], stdin=subprocess.DEVNULL)
sys.stdin.read()
os._exit(0)
"""


def environment() -> dict[str, str]:
    """Where the package lies."""
    return {**os.environ, "PYTHONPATH": str(Path(parent.__file__).parents[2])}


def test_a_parent_that_ends_is_noticed_at_once() -> None:
    """The child hears of its parent's end although nothing else tells it, and not before."""
    between = subprocess.Popen(
        [sys.executable, "-c", BETWEEN, CHILD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    assert between.stdin is not None
    assert between.stdout is not None
    assert between.stdout.readline() == "watching\n"
    time.sleep(0.3)
    begun_s = time.monotonic()
    between.kill()
    assert between.stdout.readline() == "True\n"
    assert time.monotonic() - begun_s < 10
    between.wait(30)


def test_a_parent_that_has_gone_before_is_noticed_too() -> None:
    """Whoever is not our parent has ended already, also when its number was given to another process."""
    for pid in (1, 2**22 - 3):
        if os.getppid() == pid:
            continue
        told: list[bool] = []
        parent.watch_parent(pid, lambda told=told: told.append(True))  # type: ignore[misc]
        assert told == [True]
